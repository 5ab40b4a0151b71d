import pytest
from hypothesis import given
from hypothesis import strategies as st

from minilocal.errors import InputError
from minilocal.schedule import Schedule, parse


def algorithm_1(size, shift, layers, epochs):
    """Walk through the paper's Algorithm 1 as it is printed: s grows, and falls back once s >= X."""
    s = 0
    for _ in range(epochs):
        ends = [*range(size + s, layers, size), layers]
        starts = [s + 1] + [end + 1 for end in ends[:-1]]
        yield s, list(zip(starts, ends, strict=True))
        s += shift
        if s >= size:
            s = 0


@given(st.integers(1, 20), st.integers(1, 25), st.data())
def test_blocks_follow_algorithm_1_and_tile_the_trained_layers(size, layers, data):
    size = min(size, layers)
    shift = data.draw(st.integers(0, size - 1))
    schedule, ends = Schedule(size, shift), set()
    for epoch, (s, blocks) in enumerate(algorithm_1(size, shift, layers, 2 * schedule.period)):
        assert schedule.shift_at(epoch) == s
        assert [tuple(block) for block in schedule.blocks_at(epoch, layers)] == blocks
        assert [layer for first, last in blocks for layer in range(first, last + 1)] == [*range(s + 1, layers + 1)]
        ends |= {last for _, last in blocks}
    assert schedule.classifiers(layers) == sorted(ends)


def test_classifiers_of_vgg16():
    assert parse("BP").classifiers(15) == [15]
    assert parse("G1").classifiers(15) == list(range(1, 16))
    assert parse("G3S2").classifiers(15) == [3, 5, 6, 8, 9, 11, 12, 14, 15]
    assert parse("G3S1").classifiers(15) == list(range(3, 16))


@pytest.mark.parametrize("name", ["BP", "G1", "G2", "G2S1", "G3S2", "G15S14"])
def test_names_round_trip_in_any_case(name):
    assert parse(name).name == parse(name.lower()).name == name


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        *((name, {}, "unknown") for name in ("", "G", "G3S", "S2", "G-1", "G3S2 ", "G٣")),
        ("G0", {}, "no layers"),
        ("G0S0", {}, "no layers"),
        ("G2S2", {}, "try G2S1"),
        ("G1S1", {}, "try G1"),
        ("G2S7", {}, "must be less"),
        ("G3S2", {"front": "sleep"}, "front is 'sleep'; choose from rest, block"),
        ("G3S2", {"idle": "work"}, "idle is 'work'; choose from rest, learn"),
        ("G3", {"idle": "learn"}, "idle learn has no effect on G3, whose boundaries never move"),
        ("BP", {"front": "block"}, "front block has no effect on BP"),
    ],
)
def test_bad_names_and_options_are_refused(name, options, says):
    with pytest.raises(InputError, match=says):
        parse(name, **options)


@pytest.mark.parametrize(("size", "shift"), [(0, 0), (2, 2), (3, -1), (None, 1), (-2, 0)])
def test_bad_schedules_cannot_be_made(size, shift):
    with pytest.raises(InputError):
        Schedule(size, shift)


@given(st.integers(2, 8), st.integers(2, 25), st.data())
def test_a_front_block_covers_what_would_rest(size, layers, data):
    size = min(size, layers)
    shift = data.draw(st.integers(1, size - 1))
    rest, block = Schedule(size, shift), Schedule(size, shift, front="block")
    for epoch in range(rest.period):
        s = rest.shift_at(epoch)
        front = [(1, s)] if s else []
        assert [tuple(b) for b in block.blocks_at(epoch, layers)] == front + [
            tuple(b) for b in rest.blocks_at(epoch, layers)
        ]


@given(st.integers(2, 8), st.integers(2, 25), st.data())
def test_every_classifier_ends_a_block_or_learns_alone(size, layers, data):
    size = min(size, layers)
    shift = data.draw(st.integers(1, size - 1))
    schedule = Schedule(size, shift, idle="learn", front=data.draw(st.sampled_from(["rest", "block"])))
    for epoch in range(schedule.period):
        ends = [block.last for block in schedule.blocks_at(epoch, layers)]
        idle = schedule.idle_at(epoch, layers)
        assert not set(ends) & set(idle)
        assert sorted(ends + idle) == schedule.classifiers(layers)
        assert Schedule(size, shift).idle_at(epoch, layers) == []
