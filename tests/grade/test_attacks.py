"""What a hand-in might try in order to earn points that it has not earned, or to harm the grader or its machine.

Each attack is a function of a hand-in, called like any other; `outcome` collects what it got. Many share a process.
"""

import os
import subprocess
import sys
import textwrap
import time
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minilocal.errors import InputError
from minilocal.grade import hand_ins, outside, plain
from minilocal.grade.__main__ import main
from minilocal.grade.grading import decide, read
from minilocal.grade.inside import UnfitError
from minilocal.grade.lab import PUBLIC, Case, Trial
from minilocal.grade.plain import Other

from .conftest import DOUBLE, TEACH, make_lab

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes these rights away")
ROOT = TEACH.parents[1]
RIGHT = "def f(x):\n    return 2 * x\n"


def tried(graded, *attacks, before="", limit=20.0):
    """Return what each attack (lines of code that set `got`) ended with, all in one process."""
    text = (
        textwrap.dedent(before)
        + "\nimport ctypes, gc, importlib, os, signal, socket, subprocess, sys\nimport numpy as np\n"
    )
    names = [f"attack{number}" for number in range(len(attacks))]
    for name, attack in zip(names, attacks, strict=True):
        body = textwrap.indent(textwrap.dedent(attack).strip(), "    ")
        text += f"def {name}(x):\n    got = 'done'\n{body}\n    return str(got)\n"
    result = graded(text, make_lab(((np.ones(2),), "nothing"), functions=names), limit=limit)
    assert result.unfit == ""
    assert result.points == 0
    return [verdict.says for verdict in result.verdicts]


LIBRARY = [
    "import minilocal",
    "got = importlib.import_module('minilocal.layers.linear')",
    "got = __import__('minilocal', fromlist=['layers'])",
    "got = importlib.util.spec_from_file_location('m', ROOT + '/minilocal/__init__.py').loader.get_code('m')",
    "exec(open(SOLUTION).read())",
    "sys.path[:0] = [ROOT, SITE]; import minilocal.steps",
    "sys.path[:0] = [SITE]; import numba",
    "import site; site.main(); site.addsitedir(SITE); from minilocal import Linear",
    "sys.meta_path.pop(); import minilocal.grade",
    "import grader.compare",
    "import grader.lab",
    "os.symlink(SOLUTION, 'link.py')",
    "os.link(SOLUTION, 'link.py')",
    "got = os.listdir(ROOT)",
    "got = np.load(PUBLIC)",
    "got = np.fromfile(PUBLIC, np.uint8)",
]
SYSTEM = [
    "got = os.listdir('/proc')",
    "open(f'/proc/{os.getppid()}/fd/1', 'w').write('60 of 60 points')",
    "open('/proc/self/mem', 'r+b')",
    "os.kill(os.getppid(), signal.SIGKILL)",
    "os.kill(-1, signal.SIGTERM)",
    "got = os.fork()",
    "subprocess.run([sys.executable, '-c', ''])",
    "got = os.posix_spawn('/bin/true', ['true'], {})",
    "os.execv(sys.executable, ['python'])",
    "os.setsid()",
    "import threading; threading.Thread(target=print).start()",
    "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "os.sched_setaffinity(os.getppid(), [0])",
    "socket.sethostname(socket.gethostname())",
    "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "import multiprocessing; p = multiprocessing.Process(target=print); p.start(); p.join()",
    "got = socket.create_connection(('127.0.0.1', 9))",
    "got = socket.socket(socket.AF_UNIX)",
    "open('file', 'w')",
    "open('/tmp/minilocal-attack', 'w')",
    "open('/dev/shm/minilocal-attack', 'w')",
    "from multiprocessing import shared_memory; got = shared_memory.SharedMemory(create=True, size=1 << 20)",
    "os.memfd_create('x')",
    "os.chmod(SOLUTION, 0o600)",
    "os.utime(SOLUTION)",
    "os.remove(SOLUTION)",
    "os.mkdir('folder')",
    "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "got = open('/etc/passwd').read()",
    "got = open(os.path.expanduser('~/.ssh/id_rsa')).read()",
    "got = os.listdir('/')",
    "got = bytearray(4 << 30)",
    "got = np.ones(1 << 29)",
]


@linux
def test_a_hand_in_can_reach_neither_library_nor_solutions_nor_system(graded):
    before = f"""
        ROOT = {str(ROOT)!r}
        SITE = {str(Path(np.__file__).parents[1])!r}
        SOLUTION = {str(TEACH / "solutions" / "margin.py")!r}
        PUBLIC = {str(PUBLIC)!r}
    """
    for attack, says in zip(LIBRARY + SYSTEM, tried(graded, *LIBRARY, *SYSTEM, before=before), strict=True):
        assert says.startswith("line "), (attack, says)  # an exception on the attack's own line: it was refused
        assert "done" not in says, (attack, says)
    assert not list(Path("/tmp").glob("minilocal-attack"))


@linux
def test_system_calls_past_python_are_refused_too(graded):
    """Library calls of C, which raise nothing: -1, or a segment of shared memory that does not exist."""
    attacks = [
        "got = ctypes.CDLL(None).fork()",
        "got = ctypes.CDLL(None).syscall(57)",  # fork
        "got = ctypes.CDLL(None).syscall(0x40000000 + 57)",  # the same by x32's number
        "got = ctypes.CDLL(None).shmget(0, 4096, 0o1600)",
        "got = ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)",
        "got = ctypes.CDLL(None).syscall(234, os.getppid(), os.getppid(), 9)",  # tgkill
        "got = ctypes.CDLL(None).unshare(0x10000000)",
        "got = ctypes.CDLL(None).setsid()",
        "got = ctypes.CDLL(None).prctl(22, 0, 0)",  # leave seccomp
        "got = ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)",  # outlive the grader
        "got = ctypes.CDLL(None).syscall(251, 1, os.getppid(), 3 << 13)",  # ioprio_set
        "got = ctypes.CDLL(None).syscall(167, b'/', 0)",  # swapon: root has no privileges left
        "got = ctypes.CDLL(None).umount2(b'/', 2)",
    ]
    for attack, says in zip(attacks, tried(graded, *attacks), strict=True):
        assert says == "y is '-1', but it should be 'nothing'", (attack, says)


def test_no_descriptor_variable_or_argument_is_inherited(graded, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET", "token")
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        says = tried(
            graded,
            "got = [n for n in range(3, 64) if n not in FDS and is_open(n)]",
            "got = [name for name in os.environ if 'SECRET' in name or name.startswith('PYTHON')]",
            "got = sys.argv[2:]",
            "got = [o for o in gc.get_objects() if type(o).__name__ in ('Trial', 'Case', 'Lab')]",
            "got = sorted(name for name in sys.modules if 'minilocal' in name or name in ('numba', 'matplotlib'))",
            before="""
                import os
                def is_open(n):
                    try:
                        return bool(os.fstat(n))
                    except OSError:
                        return False
                FDS = [n for n in range(3, 64) if is_open(n)][:3]  # the two pipes, and the null device
            """,
        )  # fmt: skip
    assert says == ["y is '[]', but it should be 'nothing'"] * 5


LIAR = """
import numpy as np
class Liar(np.ndarray):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __array_ufunc__(self, *_, **__): return np.zeros(3, bool)
class Number(float):
    def __eq__(self, other): return True
    def __abs__(self): return 0.0
    __hash__ = None
"""


@pytest.mark.parametrize(
    "body",
    [
        LIAR + "def f(x): return np.zeros(3).view(Liar)",
        LIAR + "def f(x): return Number(3)",
        LIAR
        + "def f(x): return type('A', (), {'__ne__': lambda *_: False, 'shape': (3,), '__array__': lambda s: s})()",
        "import numpy as np\ndef f(x): return np.ma.masked_all(3)",
        "import numpy as np\ndef f(x): return np.full(3, None)",
        "import numpy as np\ndef f(x): return np.zeros(3, 'O')",
        "import numpy as np\ndef f(x): return np.full(3, np.nan)",
        "import numpy as np\ndef f(x): return np.full(3, 1j)",
        "import numpy as np\ndef f(x): return np.zeros(3, [('a', float)])",
        "import numpy as np\ndef f(x): return np.zeros(1 << 23)",  # 64 MB, more than a message
        "import numpy as np\nclass A(np.ndarray):\n    dtype = np.dtype(float)\n    shape = (3,)\n"
        "    __array_interface__ = {'data': (0, True), 'typestr': '<f8', 'shape': (3,), 'version': 3}\n"
        "def f(x): return np.zeros(4).view(A)",
        "import numpy as np\nclass A:\n    __class__ = np.ndarray\n    def __array__(self, *_): raise SystemExit\n"
        "def f(x): return A()",
        "import numpy as np\nclass A(np.ndarray):\n    def __array_function__(self, *_): return 2 * np.arange(3.0)\n"
        "def f(x): return np.zeros(3).view(A)",
        "class A(list):\n    def __len__(self): raise SystemExit\ndef f(x): return A([0, 2, 4])",
        "def f(x): yield from 2 * x",
        "import numpy as np\ndef f(x): return np.full(3, 1.7e308)",  # overflows when it is compared
        "def f(x): return f",
        "def f(x): return [[]] * 10**6",
        "def f(x):\n    y = []\n    y.append(y)\n    return y",
        "def f(x): return {'result': 2}",
    ],
)
def test_objects_that_compare_as_equal_are_compared_as_what_they_are(body, graded):
    result = graded(body)
    assert result.points == 0
    assert result.verdicts[0].status == "wrong"
    assert "os._exit" not in result.verdicts[0].says  # what is wrong is the value


def test_the_smallest_integer_is_not_near_zero(graded):
    lab = make_lab(((np.ones(2),), np.zeros(2, int)))
    assert graded("import numpy as np\ndef f(x): return np.full(2, -2**63)", lab).points == 0
    assert graded("import numpy as np\ndef f(x): return np.zeros(2, bool)", lab).points == 1


def test_exceptions_that_fight_back_are_exceptions(graded):
    meta = "class M(type):\n    def __getattribute__(self, _): raise KeyError\nclass E(Exception, metaclass=M): pass"
    for text, says in {
        "class E(Exception):\n    def __str__(self): raise E()": "<exception str() failed>",
        meta: "it raises an exception that can't be described",
    }.items():
        (verdict,) = graded(f"{text}\ndef f(x): raise E()").verdicts
        assert says in verdict.says


FORGERIES = {
    "patching the grader's own functions in its process": """
        import sys
        for name, module in list(sys.modules.items()):
            for attribute in list(vars(module) if hasattr(module, '__dict__') else ()):
                if attribute in ('same', 'check', 'equal', 'results', 'TOLERANCE', 'points', 'decide'):
                    setattr(module, attribute, lambda *_, **__: True)
        """,
    "a verdict instead of an answer": """
        import sys
        inside = sys.modules['grader.inside']
        inside.answer = lambda *_: {'status': 'passed', 'points': 60, 'result': 'passed', 'passed': True}
        """,
    "a pickle instead of a message": """
        import sys, pickle, os
        class Bomb:
            def __reduce__(self): return (os.system, ('touch /tmp/minilocal-attack',))
        sys.modules['grader.plain'].pack = lambda value: pickle.dumps(Bomb())
        """,
    "a message that makes stand-ins in the grader": """
        import sys, json, struct
        text = json.dumps({'object': ['Optimizer', {'dict': []}]}).encode()
        sys.modules['grader.plain'].pack = lambda value: struct.pack('<I', len(text)) + text
        """,
    "a message of 4 GB": """
        import sys
        inside = sys.modules['grader.inside']
        inside.send = lambda stream, value: (stream.write(b'\\xff\\xff\\xff\\xff' + b'x'), stream.flush())
        """,
    "a length and nothing after it": """
        import sys
        inside = sys.modules['grader.inside']
        inside.send = lambda stream, value: (stream.write(b'\\x40\\0\\0\\0'), stream.flush())
        """,
    "an array with a header that is code": """
        import sys, struct
        text = b'{"array": 0}'
        array = b"\\x93NUMPY\\x01\\0\\x76\\0{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\\n"
        message = b''.join(struct.pack('<I', len(part)) + part for part in (text, array))
        sys.modules['grader.plain'].pack = lambda value: message
        """,
    "one array, sixty thousand times": """
        import sys, json, struct, numpy as np
        plain = sys.modules['grader.plain']
        own, refer = plain.pack, {'dict': [{'tuple': ['result', {'list': [{'array': 0}] * 60_000}]}]}
        parts = json.dumps(refer).encode(), plain._npy(np.zeros(1 << 19))
        message = b''.join(struct.pack('<I', len(part)) + part for part in parts)
        plain.pack = lambda value: message if 'result' in value else own(value)
        """,
    "a million empty parts": """
        import sys
        sys.modules['grader.plain'].pack = lambda value: bytes(4 << 20)
        """,
    "text that takes ten times its size": """
        import sys, struct
        text = b'[' + b'{},' * (2 << 20) + b'1]'
        sys.modules['grader.plain'].pack = lambda value: struct.pack('<I', len(text)) + text
        """,
    "numpy's functions, patched under the stand-ins and the messages": """
        import numpy as np
        np.allclose = np.isfinite = np.abs = np.array_equal = lambda *_, **__: True
        np.ascontiguousarray = np.asarray = np.array = lambda *_, **__: np.arange(3.0)
        """,
    "standard output that is something else": """
        import sys
        sys.stdout.getvalue = lambda: 'x' * (40 << 20)
        """,
    "answers sent before they are asked for": """
        import sys, struct
        plain, inside = sys.modules['grader.plain'], sys.modules['grader.inside']
        message = plain.pack({'result': 1.0, 'states': [], 'changed': [], 'printed': ''})
        for n in range(3, 20):
            try:
                import os
                for _ in range(5): os.write(n, struct.pack('<I', len(message)) + message)
            except OSError: pass
        """,
    "closing the pipes": """
        import os
        os.closerange(0, 64)
        """,
    "the wrong number of states": """
        import sys
        inside = sys.modules['grader.inside']
        inside.call = lambda *_: {'result': 1.0, 'changed': 'no'}
        """,
}


@pytest.mark.parametrize("how", FORGERIES)
def test_forged_answers_earn_nothing_and_run_nothing(how, graded, capfd):
    result = graded(textwrap.dedent(FORGERIES[how]) + "def f(x):\n    return 0 * x\n", limit=2.0)
    assert result.points == 0
    assert result.verdicts[0].status in ("wrong", "unfit")
    assert not Path("/tmp/minilocal-attack").exists()
    assert capfd.readouterr() == ("", "")


def test_names_of_files_steer_no_terminal_and_stop_no_grader(tmp_path, capfd):
    names = ["\x1b[2Jeve_rooms.py", os.fsdecode(b"\xff_rooms.py"), "eve\n=x()_rooms.py", "a_rooms (1).py", "a_rooms.py"]
    for name in names:
        (tmp_path / name).write_text("")
    assert main([str(tmp_path), "--csv", "-", "--only", "rooms"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 5
    assert main([str(tmp_path), "--only", "rooms"]) == 1
    assert main([str(tmp_path / names[1])]) == 1
    assert main([str(tmp_path), "--csv", str(tmp_path / "marks.csv"), "--only", "rooms"]) == 0
    assert "\x1b" not in "".join(capfd.readouterr()) + (tmp_path / "marks.csv").read_text(encoding="utf-8")


def test_text_of_a_hand_in_steers_no_terminal_and_no_spreadsheet(graded):
    result = graded("print('\\x1b[2J\\x1b]0;title\\x07 60 of 60')\nraise ValueError('\\x1b[1m\\r60 of 60 points')")
    assert "\x1b" not in result.unfit + result.printed
    assert "\r" not in result.unfit
    values = ("type('\\x1b[2J\\r', (), {})()", "'\\x1b[2J\\r'", "['\\x1b[2J\\r']", "{'\\x1b[2J\\r': 1}")
    names = [f"f{number}" for number in range(len(values))]
    code = "\n".join(f"def {name}(x): return {value}" for name, value in zip(names, values, strict=True))
    for expected in (np.ones(2), [1]):
        for verdict in graded(code, make_lab(((1,), expected), functions=names)).verdicts:
            assert verdict.status == "wrong"
            assert verdict.says.isprintable()


def test_a_hand_in_knows_no_expected_value_and_no_point(graded):
    """Everything that the process ever receives: function, arguments, helpers."""
    text = """
        import sys
        inside, seen = sys.modules['grader.inside'], []
        own = inside.plain.unpack
        def unpack(*arguments):
            seen.append(own(*arguments))
            return seen[-1]
        inside.plain.unpack = unpack
        def f(x):
            return str(sorted(seen[-1]))
    """
    (verdict,) = graded(textwrap.dedent(text), make_lab(((np.ones(2),), "secret"))).verdicts
    assert verdict.says == "y is \"['arguments', 'function', 'helpers']\", but it should be 'secret'"


def test_names_next_to_a_hand_in_are_not_imported(graded, tmp_path):
    folder = tmp_path / "hand-in"
    for name in ("minilocal", "numpy"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('from the hand-in')")
        (folder / name / "grade.py").write_text("raise RuntimeError('from the hand-in')")
    (folder / "json.py").write_text("raise RuntimeError('from the hand-in')")
    (folder / "sitecustomize.py").write_text("raise RuntimeError('from the hand-in')")
    assert graded(RIGHT).points == 1
    code = "import sys; sys.path.pop(0); from minilocal.grade.__main__ import main; sys.exit(main(['.']))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, env=environment)
    assert "contains none of the labs" in done.stderr  # the command itself, not the folder's


def test_a_linked_folder_is_not_entered(tmp_path):
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "labs").symlink_to(TEACH / "solutions")
    (tmp_path / "mallory").symlink_to(TEACH / "solutions")
    with pytest.raises(InputError, match="contains no hand-ins"):
        hand_ins.find_class(tmp_path, ["margin"])


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text(max_size=5) | st.just(Other("x"))
    | st.sampled_from([np.zeros(2), np.ones((2, 2)), np.array(np.nan), np.array([True]), np.zeros(0)]),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.sampled_from(["name", "calls", "params", "grads", "still keeps", "aux", "weight"]), inner),
    max_leaves=20,
)  # fmt: skip
LAYER = {"name": "a", "calls": ["forward"], "params": {"weight": np.ones(2)}, "grads": {}, "still keeps": "nothing"}


@given(
    st.dictionaries(st.sampled_from(["result", "states", "changed", "raised", "open", "printed"]), plain_values),
    st.sampled_from([np.ones(2), 1.0, 2, True, "x", [(1, 2)], [np.ones(2), None], (np.ones(2), 1.0)]),
)
def test_whatever_comes_back_gives_a_verdict(reply, expected):
    """Answers of any form neither pass nor stop the grader."""
    trial = Trial("", (), {}, expected, [LAYER | {"aux": LAYER}], {})
    process = types.SimpleNamespace(ask=lambda *_: reply)
    names = ("y", "z") if isinstance(expected, tuple) else ("y",)
    verdict = decide(Case("f", 1, "f", names, "a nudge", "an equation", (trial,)), process, {}, 0)
    assert verdict.status in ("wrong", "open")
    assert isinstance(verdict.says, str)


def test_links_pipes_and_devices_are_not_read(tmp_path):
    (tmp_path / "link.py").symlink_to(TEACH / "solutions" / "margin.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "large.py").write_bytes(b"#" * (2 << 20))
    for name, says in {
        "link": "it is a link; hand in the file itself",
        "pipe": "it is not a regular file",
        "large": "hand in the lab alone",
        "none": "the file is missing",
    }.items():
        with pytest.raises(UnfitError, match=says):
            read(tmp_path / f"{name}.py")


def test_loops_sleeps_exits_and_signals_cost_seconds_and_their_own_case_only(graded):
    text = """
        import atexit, os, signal, time
        atexit.register(time.sleep, 1000)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        def loop(x):
            while True: pass
        def sleep(x): time.sleep(1000)
        def leave(x): os._exit(3)
        def crash(x): os.abort()
        def deep(x): return deep(x)
        def right(x): return 2 * x
    """
    lab = make_lab(DOUBLE, functions=("loop", "sleep", "leave", "crash", "deep", "right"))
    start = time.monotonic()
    says = [verdict.says for verdict in graded(textwrap.dedent(text), lab, limit=2.0).verdicts]
    assert time.monotonic() - start < 15
    assert says == [
        "it takes longer than 2 s; look for a loop that never ends",
        "it takes longer than 1 s; look for a loop that never ends",  # once is enough for a long wait
        "it ends the whole process (exit status 3); don't call os._exit",
        "it was killed by signal 6; does it use too much memory, or call itself without end?",
        "line 12, `def deep(x): return deep(x)`: it calls itself without end (RecursionError); add a condition that "
        "stops it",
        "",
    ]


def test_code_that_is_just_fast_enough_each_time_uses_up_the_time_for_all(graded):
    clock = outside.Clock(5.0)
    clock.left = 3.0
    text = "import time\ndef f(x):\n    return 2 * x\ndef g(x):\n    time.sleep(0.6)\n    return 2 * x\n"
    lab = make_lab(*[DOUBLE] * 20, functions=("f", "g", "f"))
    start = time.monotonic()
    result = graded(text, lab, clock=clock)
    assert time.monotonic() - start < 15
    assert [verdict.status for verdict in result.verdicts] == ["passed", "wrong", "wrong"]
    assert result.points == 1  # what has passed stays
    says = "its calls have used up the time for the whole hand-in; the rest is not run"
    assert [verdict.says for verdict in result.verdicts[1:]] == [says, says]


def test_a_slow_import_is_named_as_such(graded):
    result = graded("import time\ntime.sleep(60)\n" + RIGHT, limit=1.0)
    assert result.unfit.startswith(
        "loading the file (its imports, and what stands outside functions) takes longer than 1 s"
    )


@linux
def test_a_process_ends_with_the_grader(tmp_path):
    """Even if the grader is killed and can't end it."""
    (tmp_path / "margin.py").write_text(
        "import os, time\nprint(os.getpid())\ndef log_softmax(z):\n    time.sleep(1000)\n"
    )
    command = [sys.executable, "-m", "minilocal.grade", str(tmp_path), "--time-limit", "100"]
    grader = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    children = Path(f"/proc/{grader.pid}/task/{grader.pid}/children")
    deadline = time.monotonic() + 60
    while not (child := children.read_text().split()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    while Path(f"/proc/{child[0]}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{child[0]}").exists()


def test_a_replayed_helper_gives_nothing_away(recording):
    """What a trial tells about helpers belongs to its own arguments, never to those of the helper's own case."""
    for lab in recording.labs(0):
        own = {
            case.function: [plain.pack(trial.arguments) for trial in case.trials if not trial.states]
            for case in lab.cases
        }
        for case in lab.cases:
            for trial in case.trials:
                for helper, known in trial.helpers.items():
                    told = {plain.pack(arguments) for arguments, _ in known}
                    arrays = any(isinstance(a, np.ndarray) for arguments, _ in known for a in arguments)
                    assert not arrays or not told & set(own[helper]), (lab.name, case.name, helper)


def test_the_list_of_what_is_not_prevented_stands_in_the_lecturers_page():
    text = (TEACH / "README.md").read_text(encoding="utf-8")
    assert "## What is not prevented" in text
