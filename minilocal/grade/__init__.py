"""`python -m minilocal.grade tutorials/exercises`: checks the course's exercises after a student has filled them in.

    expect.py     is this the right array, number or gradient? If not, what is wrong with it?
    student.py    a student's file: its holes, its functions, and its exceptions in words
    case.py       cases and exercises, and how one case is checked
    exercises/    what each exercise checks, case by case, against central differences and the library
    grading.py    the process in which the student's code runs, from outside and from inside
    __main__.py   the command: its options, and its results as text or JSON

Each file imports only from those above it.

The student's code runs in its own process with a time limit, because students' code raises exceptions, prints, asks
for input, ends the program and loops forever, and everything else must be graded all the same. This is not a sandbox:
if you grade other people's files, you run other people's code.

Inputs are random, drawn from `--seed`: an answer that is copied from a report is right for that seed only.
"""
