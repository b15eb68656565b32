"""The course: assignments from one source, graded in a box that knows no answers.

From the ground up: `frames` (bytes between the box and us), `inside` (what runs in the box), `box` (what holds it),
`notebooks`, `variants`, `source` (one notebook -> student, solution, page and grader versions), `checks` (what is asked
and how it is judged), `submissions`, `feedback`, `grading`, `cluster` (the same on other machines), `gradebook`.
"""
