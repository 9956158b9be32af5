"""The DAG is honest: dvc.yaml names every module, parameter and lock that a stage uses, and no more."""

import ast

import pytest

from dag import LOCK, ROOT, declared_sources, files_beside, imported_modules, loaded_params, script, stages, statements

STAGES = stages()
WHOLE_FILE = {
    "check": {"params.yaml", "contract.yaml", "CITATION.cff"},
    "publish": {"params.yaml", "contract.yaml", "CITATION.cff"},
}
COPIED = {"publish": {"src/verify.py", "src/stages.yaml"}}  # into its output


@pytest.mark.parametrize("name", STAGES)
def test_deps_hold_every_module_that_the_stage_imports_its_templates_and_no_more(name):
    imported = imported_modules(script(STAGES[name]))
    used = {path.relative_to(ROOT).as_posix() for path in imported | files_beside(imported)}
    declared = {path.relative_to(ROOT).as_posix() for path in declared_sources(STAGES[name])}
    assert sorted(declared - COPIED.get(name, set())) == sorted(used)


@pytest.mark.parametrize("name", STAGES)
def test_deps_hold_the_lock_of_what_is_installed(name):
    assert LOCK in STAGES[name]["deps"]


@pytest.mark.parametrize("name", sorted(set(STAGES) - {"check"}))
def test_declared_params_are_those_that_the_stage_loads(name):
    assert sorted(STAGES[name].get("params", [])) == sorted(loaded_params(script(STAGES[name])))


@pytest.mark.parametrize("name", WHOLE_FILE)
def test_files_that_a_stage_reads_whole_are_deps(name):
    assert WHOLE_FILE[name] <= set(STAGES[name]["deps"])


def test_publish_depends_on_dvc_yaml_itself_by_a_link():
    """DVC refuses dvc.yaml as a dependency, but the bundle holds it, so a change of it has to run publish again."""
    link = ROOT / "src/stages.yaml"
    assert link.is_symlink()
    assert link.readlink().as_posix() == "../dvc.yaml"
    assert "src/stages.yaml" in STAGES["publish"]["deps"]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_what_it_is_for(name):
    assert STAGES[name]["desc"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_imports_no_other_stage(name):
    others = {script(stage) for other, stage in STAGES.items() if other != name}
    assert imported_modules(script(STAGES[name])).isdisjoint(others)


def test_the_shared_modules_import_no_stage_rules_or_features():
    for path in (ROOT / "src" / "pipeline").rglob("*.py"):
        outside = {module for module in imported_modules(path) if (ROOT / "src" / "pipeline") not in module.parents}
        assert outside == set(), path


def test_model_and_data_are_registered_as_artifacts():
    import yaml

    artifacts = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    assert {artifact["type"] for artifact in artifacts.values()} == {"model", "dataset"}
    for artifact in artifacts.values():
        assert artifact["desc"]


def test_a_light_stage_never_pays_for_scikit_learn():
    for name in ("access", "clean", "transform", "serve", "publish"):
        at_start = name == "publish"  # which loads it where params ask for the model as ONNX or pickle
        for module in imported_modules(script(STAGES[name]), at_start):
            for node in statements(module, at_start):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not any(imported.split(".")[0] in ("sklearn", "skops") for imported in names), module
