"""`{ask}`: a question with guesses. What answers it stays covered on the page until the reader has chosen one.

What is covered, book/_static/page.js finds: the outputs of the cells after it that are tagged `answer`, and the first
paragraph after them. Without scripts nothing is covered.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

GUESSES = (2, 4)  # at least and at most


class Ask(SphinxDirective):
    """The question is the directive's argument; its content is a list of guesses."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self):
        question = self.parse_inline(self.arguments[0])[0]
        content = self.parse_content_to_nodes()
        lists = [node for node in content if isinstance(node, nodes.bullet_list)]
        if len(content) != 1 or not lists or not GUESSES[0] <= len(lists[0]) <= GUESSES[1]:
            raise self.error(f"ask needs one list of {GUESSES[0]} to {GUESSES[1]} guesses, and nothing else")
        box = nodes.container(classes=["ask"])
        box += nodes.paragraph("", "", nodes.strong("", "Ask first. "), *question)
        box += content
        return [box]
