"""The options that a search tries, and the choice among them."""

from pipeline.params import Search, Train
from pipeline.search import best, candidates

RIDGE = "sklearn.linear_model.Ridge"


def tried(kind: str, seed: int = 7, options: dict | None = None, **more) -> list[dict]:
    options = options or {"alpha": [1, 2], "positive": [True, False]}
    train = Train(model=RIDGE, options={"tol": 0.1, "alpha": 5}, search=Search(kind=kind, options=options, **more))
    return [each.options for each in candidates(train, seed)]


def test_without_a_search_the_options_of_params_are_the_only_ones():
    train = Train(model=RIDGE, options={"alpha": 5})
    assert candidates(train, 7) == [train]


def test_grid_is_every_combination_over_the_other_options():
    assert tried("grid") == [
        {"tol": 0.1, "alpha": alpha, "positive": positive} for alpha in (1, 2) for positive in (True, False)
    ]


def test_order_of_keys_changes_nothing():
    assert tried("grid") == tried("grid", options={"positive": [True, False], "alpha": [1, 2]})
    assert tried("random", trials=2) == tried("random", trials=2, options={"positive": [True, False], "alpha": [1, 2]})


def test_random_search_draws_different_combinations_by_the_seed():
    drawn = {seed: tried("random", seed, {"alpha": list(range(100))}, trials=5) for seed in (7, 8)}
    assert len({options["alpha"] for options in drawn[7]}) == 5
    assert drawn[7] == tried("random", 7, {"alpha": list(range(100))}, trials=5) != drawn[8]


def test_random_search_over_fewer_combinations_tries_all():
    assert sorted(options["alpha"] for options in tried("random", options={"alpha": [1, 2, 3]})) == [1, 2, 3]


def test_best_is_the_highest_or_the_lowest_and_of_equal_ones_the_first():
    assert best([0.5, None, 0.7, 0.7], lower_is_better=False) == 2
    assert best([3.0, 1.0, 1.0], lower_is_better=True) == 1
    assert best([None, None], lower_is_better=False) == 0
