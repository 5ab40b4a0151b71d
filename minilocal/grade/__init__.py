"""`python -m minilocal.grade tutorials/exercises`: checks what a student filled into the course's exercises.

    exercises/    what is checked in each exercise, case by case, against central differences and the library
    case.py       a case, an exercise, a verdict         student.py    a student's file: its holes and its functions
    expect.py     is it the right array, the gradient?   examine.py    one case on one student's file
    child.py      a process for the student's code       grading.py    starts it, waits for it, ends it
    options.py    the command's options                  text.py       verdicts to read

The code that is graded runs in a process of its own with a time limit, because students' code raises, prints, asks for
input, ends the program and loops for ever, and the rest must be graded all the same. That is no sandbox: who grades
other people's files runs other people's code.

Inputs are random, drawn from `--seed`: an answer that was copied from a report is right for that seed alone.
"""
