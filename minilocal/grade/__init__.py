"""`python -m minilocal.grade tutorials/labs`: marks the course's labs after a student has filled them in.

    plain.py      values as bytes: JSON and .npy, and nothing that could run
    standins.py   what stands for the library's layers, losses and optimizers in the student's process
    locked.py     what that process may not do, and how Linux is asked to refuse it
    inside.py     what that process does: loads the hand-in, and calls its functions
    start.py      the script that it runs, in which minilocal can't be imported
    outside.py    the grader's end: starts the process, asks it, ends it
    lab.py        labs, cases and trials; how they are recorded from a reference solution, and read
    compare.py    is this the right array, number or list? If not, what is wrong with it?
    grading.py    one hand-in of one lab
    hand_ins.py   whose hand-ins are these? Folders and file names, as learning platforms make them
    report.py     results as text, JSON, CSV, and as Gradescope and GitHub Classroom want them
    notebook.py   `check("margin", globals())`: for notebooks, nbgrader and otter-grader
    package.py    the students' archive and the lecturer's, made from the solutions
    __main__.py   the command

The grader sends arrays and compares arrays. Expected values and points never leave its process, and what comes back is
read as numbers, never run. tutorials/teach/README.md says what a hand-in can't do, and what it still can.
"""

from minilocal import lazily

__getattr__ = lazily(__name__, {"check": "notebook"})
