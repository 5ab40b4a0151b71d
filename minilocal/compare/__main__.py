"""Train several algorithms with several seeds and compare them: `python -m minilocal.compare --preset laptop`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from minilocal.compare import report
from minilocal.compare.options import Options, read
from minilocal.compare.progress import Progress
from minilocal.compare.results import Results, read_results
from minilocal.compare.sweep import DataSize, Sweep, read_sweep
from minilocal.compare.train import check, data_of, train
from minilocal.compute.compilation import COMPILING, on_first_compilation
from minilocal.compute.parallel import get_threads, set_threads
from minilocal.console.cli import command
from minilocal.console.text import plural
from minilocal.errors import TrainingError


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = read(argv)
    if options.report:
        sweep = read_sweep(options.sweep_dir)
        sweep.check()
        show(read_results(sweep))
        return 0
    set_threads(options.threads)
    size = DataSize.of(data_of(options.setting))
    asked = Sweep(options.sweep_dir, options.setting, size, options.entries, options.seeds)
    whole = asked.joined()
    check([run for run in asked.runs if not run.finished])
    whole.write()

    failures, status = train_all(asked, options)
    show(read_results(whole, failures))
    if status:
        print("minilocal.compare: interrupted; the same command goes on from here", file=sys.stderr)
        return status
    if failures:
        raise TrainingError(f"{len(failures)} of {plural(len(asked.runs), 'run')} failed: {'; '.join(failures)}")
    return 0


def train_all(sweep: Sweep, options: Options) -> tuple[dict[str, str], int]:
    """Train what is lacking; return why runs failed, by their titles, and a stopping signal's exit status."""
    progress, failures = Progress(sweep, options.quiet), {}
    finished = sum(run.finished for run in sweep.runs)
    kept, held_out = sweep.split(sweep.setting)
    validation = f", {held_out} to validate" if held_out else ""
    before = f", {finished} of them finished before" if finished else ""
    progress.say(
        f"{sweep.setting.task}, {plural(len(sweep.runs), 'run')}{before}: {kept} images to train on{validation}, "
        f"{sweep.size.test} to test, {plural(get_threads(), 'thread')}; in {sweep.path}"
    )
    try:
        with on_first_compilation(lambda: progress.say(COMPILING)):
            for run, problem in train(sweep.runs, progress):
                if problem is not None:
                    failures[run.title] = problem
    except KeyboardInterrupt as stop:
        return failures, getattr(stop, "status", 130)
    finally:
        progress.close()
    return failures, 0


def show(results: Results) -> None:
    """Print the report and write it, with its figures, into the sweep's directory."""
    print(report.as_text(results))
    report.write(results)
    files = ["results.md", "results.csv", *(report.FIGURES if results.finished else ())]
    print(f"\nresults in {results.sweep.path}: {', '.join(files)}")


if __name__ == "__main__":
    sys.exit(main())
