"""What lecturers take along: plans add up, pictures exist, slides and figures come out of the lessons, answers run."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

TUTORIALS = Path(__file__).parents[1] / "tutorials"
TEACH = TUTORIALS / "teach"
PAGES = sorted(TEACH.glob("*.md"))
ANSWERS = TEACH / "answers"  # not in students' archives


def tool(path):
    spec = importlib.util.spec_from_file_location(f"teach_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figures_of(notebook):
    """Return the numbers of the figures in a lesson's stored notebook."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = "\n".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    return {int(number) for number in re.findall(r"\*\*Figure (\d+)\.\*\*", texts)}


def test_every_picture_that_is_named_is_in_its_lesson():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = re.findall(r"lesson (\d+), figures? (\d+)(?: and (\d+))?", text) + re.findall(
        r"`(\d\d)-(\d+)\.svg`()", text
    )
    assert len(named) > 40
    for lesson, *numbers in named:
        (path,) = TUTORIALS.glob(f"{int(lesson):02}_*.ipynb")
        found = figures_of(nbformat.read(path, as_version=4))
        assert {int(number) for number in numbers if number} <= found, f"lesson {lesson}, {numbers}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (TEACH / target).exists(), target


def test_the_minutes_of_both_plans_follow_one_another():
    plans = re.split(r"\n## The lab", (TEACH / "lecture.md").read_text(encoding="utf-8"))
    for plan, whole in zip(plans, (90, 120), strict=True):
        minutes = [(int(a), int(b)) for a, b in re.findall(r"^\| (\d+)–(\d+) \|", plan, re.MULTILINE)]
        assert [start for start, _ in minutes] == [0, *(end for _, end in minutes[:-1])]
        assert minutes[-1][1] == whole


def test_twenty_questions_with_their_answers_folded_away():
    parts = re.split(r"^\*\*(\d+)\.\*\*", (TEACH / "quiz.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [int(number) for number in parts[1::2]] == [*range(1, 21)]
    for question in parts[2::2]:
        assert re.search(r"\n\n<details><summary>Answer</summary>\n\n\S.*\n</details>\n", question, re.DOTALL), question


LESSON = """
import matplotlib.pyplot as plt
from minilocal.course import show
from minilocal.course.animation import show_animation
from minilocal.course.products import draw_products

products = {"forward": "$x$ (N, in) · $W$ (in, C) = $z$ (N, C)"}
print("what a lesson prints")
show(draw_products(products, {"N": 1, "in": 2, "C": 1}), "**Figure 1.** Products.", "A product of two matrices.")


def frames():
    for number in range(2):
        figure, axis = plt.subplots(figsize=(2, 1))
        axis.plot([0, number])
        yield figure


show_animation(frames(), "**Figure 2.** It moves.", "A line that turns.")
"""


def test_figures_are_exported_with_captions(tmp_path, monkeypatch, capsys):
    figures = tool(TEACH / "figures.py")
    monkeypatch.setattr(figures, "LESSONS", tmp_path)
    (tmp_path / "03_x.py").write_text(LESSON)
    out = tmp_path / "out"
    assert figures.main(["3", "--out", str(out)]) == 0
    assert capsys.readouterr().out == "03_x: 2 figures\n"
    assert {path.name for path in out.iterdir()} == {"03-1.png", "03-1.svg", "03-2.png", "03-2.svg", "captions.md"}
    assert (out / "03-1.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (out / "03-2.svg").read_bytes()
    assert "## 03-1\n\n**Figure 1.** Products.\n\nA product of two" in (out / "captions.md").read_text(encoding="utf-8")
    before = (out / "03-1.svg").read_bytes()
    figures.main(["--out", str(out)])
    assert (out / "03-1.svg").read_bytes() == before  # the same figure, the same bytes
    with pytest.raises(SystemExit):
        figures.main(["4", "--out", str(out)])


@pytest.fixture(scope="module")
def slides():
    pytest.importorskip("nbconvert")
    return tool(TEACH / "slides.py")


def test_paragraphs_are_for_the_speaker(slides):
    text = "## A\n\nLong words,\nlonger words.\n\n$$x = 1$$\n\n> **Question.** Why?\n\n* one\n* two\n\n| a |\n|---|"
    on_slide, notes = slides.parted(text)
    assert notes == "Long words,\nlonger words."
    assert on_slide == text.replace("Long words,\nlonger words.\n\n", "")


def test_code_on_a_slide_has_no_docstrings(slides):
    code = '# minilocal/x.py\n\ndef f(x):\n    """Long.\n\n    Longer.\n    """\n    y = x\n    return y'
    assert slides.without_docstrings(code) == "# minilocal/x.py\n\ndef f(x):\n    y = x\n    return y"


def test_lessons_become_slides(slides, tmp_path, capsys):
    assert slides.main(["--out", str(tmp_path)]) == 0
    pages = sorted(tmp_path.glob("*.html"))
    assert [int(page.name[:2]) for page in pages] == [*slides.LESSONS]
    for page in pages:
        html = page.read_text(encoding="utf-8")
        assert 8 <= html.count("<section") <= 60
        assert html.count('<aside class="notes">') >= 5
        assert "data:image/png" in html
        assert "<details>" not in html
        assert "sys.path.append" not in html  # the first cell
    capsys.readouterr()
    (tmp_path / f"reveal.js-{slides.LIBRARIES['reveal.js'][0]}.tgz").write_bytes(b"no archive")
    for lesson, libraries, says in (
        (5, "none", "make it with: npm pack reveal.js@"),
        (5, ".", "can't be read"),
        (8, ".", "lesson 8 has no slides; choose from (5, 6, 7, 9)"),
    ):
        with pytest.raises(SystemExit) as stop:
            slides.main([str(lesson), "--out", str(tmp_path / "new"), "--libraries", str(tmp_path / libraries)])
        assert stop.value.code == 2
        assert says in capsys.readouterr().err
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("script", ["figures", "slides"])
def test_a_folder_that_can_not_be_written_is_refused_at_once(script, slides, tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"kept")
    names = {"figures": "captions.md", "slides": "05_local_learning.slides.html"}
    (tmp_path / "taken" / names[script]).mkdir(parents=True)
    main = (slides if script == "slides" else tool(TEACH / "figures.py")).main
    for out in ("file", "file/below", "n" * 300, "taken", "nul\0"):
        with pytest.raises(SystemExit) as stop:
            main(["5", "--out", str(tmp_path / out)])
        captured = capsys.readouterr()
        assert (stop.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
        assert "name another f" in captured.err
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["file", "taken", names[script]])


@pytest.fixture(scope="module")
def answers():
    if not ANSWERS.exists():
        pytest.skip("answers are for lecturers")
    return tool(ANSWERS / "build.py")


def test_every_exercise_has_an_answer_that_was_run(answers):
    assert [script.name for script in answers.scripts()] == [script.name for script in answers.lessons.lessons()]
    for script in answers.scripts():
        assert answers.out_of_step(script) == "", script.name
        notebook = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert re.findall(r"^## Exercise (\d)", text, re.MULTILINE) == ["1", "2", "3"]
        assert text.count("**Answer.**") == 3
        assert len(re.findall(r"\*(That is the )?[Tt]ypical\s+(wrong|weak)\s+answers?", text)) >= 3
        assert answers.lessons.claims(notebook)


@pytest.mark.slow
def test_answers_run(answers):
    for script in answers.scripts():
        notebook, _ = answers.run(script)
        assert answers.lessons.claims(notebook)
