from dataclasses import fields

import pytest

from minilocal.errors import InputError
from minilocal.training.recipe import Recipe


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1 and at most 100000"),
        ({"batch_size": 1}, "batch_size is 1; it must be at least 2"),
        ({"lr": 0}, "lr is 0; it must be above 0 and at most 1000"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"momentum": 1.0}, "momentum is 1.0; it must be at least 0 and below 1"),
        ({"epochs": 2.5}, "epochs is 2.5; it must be a whole number"),
        ({"crop": 1}, "crop is 1; it must be true or false"),
        ({"lr_schedule": "linear"}, "lr_schedule is 'linear'; choose from cosine, step"),
        ({"epochs": 3, "lr_epochs": 2}, "lr_epochs is 2; the learning-rate schedule must last for all 3 epochs"),
        ({"algo": "G2S2"}, "G2S2 shifts by 2 layers"),
        ({"algo": "G3", "idle": "learn"}, "idle learn has no effect on G3"),
    ],
)
def test_values_out_of_range_are_refused_by_name(options, says):
    with pytest.raises(InputError, match=says):
        Recipe(**options)


def test_a_recipe_from_before_an_option_existed_reads_with_its_default():
    recipe = Recipe(algo="G2S1", epochs=3)
    for field in fields(Recipe):
        content = recipe.as_dict()
        del content[field.name]
        default = getattr(Recipe(), field.name)
        assert getattr(Recipe.from_dict(content), field.name) == default


@pytest.mark.parametrize(("image_shape", "margin"), [((32, 32, 3), None), ((16, 16, 1), 4), ((64, 96, 3), 4)])
def test_a_recipe_from_before_the_crop_margin_depended_on_the_size_keeps_4_pixels(image_shape, margin):
    assert Recipe.from_dict({"lr": 0.2}, image_shape) == Recipe(lr=0.2, crop_margin=margin)
    assert Recipe.from_dict({"crop_margin": None}, image_shape).crop_margin is None


def test_an_option_that_no_longer_exists_is_ignored_if_it_had_no_effect():
    assert Recipe.from_dict({"lr": 0.2, "shift_every": None, "shift_order": "cycle"}) == Recipe(lr=0.2)
    with pytest.raises(InputError, match="unknown options: shift_every"):
        Recipe.from_dict({"shift_every": 20})


def test_steps_follow_the_schedule_and_the_learning_rate():
    recipe = Recipe(algo="G2S1", epochs=2, idle="learn", lr=0.1, lr_schedule="step")
    steps = [step for epoch in range(2) for step in recipe.steps(epoch, 0, steps_per_epoch=4, layers=3)]
    assert [step.number for step in steps] == list(range(8))
    assert [(step.shift, *map(str, step.blocks), step.idle) for step in steps[3:5]] == [
        (0, "1-2", "3", ()), (1, "2-3", (2,)),
    ]  # fmt: skip
    assert [round(step.lr / 0.1, 6) for step in steps] == [1, 1, 1, 1, 0.25, 0.25, 0.0625, 0.015625]
    assert list(recipe.steps(1, 2, 4, 3)) == steps[6:]
