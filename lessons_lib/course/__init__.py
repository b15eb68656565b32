"""The course: assignments from one source, graded in a box that knows no answers.

From the ground up: `frames` (bytes between the box and us), `children` (a process for each check), `seccomp` (system
calls that no answer needs), `inside` (what runs in the box), `trial` (what runs in a second one, where models are
tried), `kinds`, `containers` and `box` (what holds them), `notebooks`, `variants`, `source` (one notebook -> student,
solution, page and grader versions), `checks` (what is asked and how it is judged), `models` (answers that are models),
`submissions`, `feedback`, `grading`, `cluster` (the same on other machines), `gradebook`.
"""
