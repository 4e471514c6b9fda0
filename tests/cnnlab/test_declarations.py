"""Hyperparameters that a kind cannot use are refused when the file is read, with what it can use."""

import pytest
from plugin_files import add

from cnnlab import declarations, registry
from cnnlab.errors import RegistryError


def declaring(form, kind):
    """A file whose entry declares b as this form."""
    base = {"model": "Model", "activation": "Activation", "optimizer": "Rule", "loss": "Loss"}.get(kind)
    base = base or {"augmentation": "Augmentation", "initializer": "Initializer", "layer": "Layer"}[kind]
    methods = {"Model": "layers", "Rule": "update", "Layer": "forward"}
    return f'''
"""A declaration."""
from cnnlab.{kind} import {base}
from cnnlab.hyper import *
from cnnlab.registry import register


@register
class Tried{kind.capitalize()}({base}):
    """Declare b. Source: none."""

    b = {form}

    def {methods.get(base, "value")}(self, *given):
        return given
'''


@pytest.mark.parametrize(
    ("kind", "form", "words"),
    [
        ("activation", 'EntryOf("activations", default="relu")', "it may be Number"),
        ("activation", 'Choice(default="a", options=("a", "b"))', "number for each trial; it may be Number"),
        ("activation", "Number(default=1.0, low=0.0, high=2.0, row=False)", "so leave row=False out"),
        (
            "optimizer",
            'EntryOf("schedules", default="step", row=True)',
            "it may be Number or Int or Choice or Pieces",
        ),
        ("loss", "Text(most=3)", "it may be Number or Int or Choice or Pieces"),
        ("initializer", "Number(default=1.0, low=0.0, high=2.0)", "numbers are constants of its file"),
        ("augmentation", "Number(default=1.0, low=0.0, high=2.0)", "none of its own beside amount"),
        ("layer", "Int(default=1, low=0, high=2)", "numbers are arguments of its constructor"),
        ("model", "Int(default=1, low=0, high=2, row=True)", "leave row=True out"),
        ("model", 'EntryOf("activations", default="relu", row=True)', "leave row=True out"),
    ],
)
def test_a_declaration_that_a_kind_cannot_use_is_refused(plugin_folder, kind, form, words):
    folder_of = {"loss": "losses"}.get(kind, f"{kind}s")
    add(plugin_folder, f"{folder_of}/tried_bad.py", declaring(form, kind))
    with pytest.raises(RegistryError, match=f"b of Tried{kind.capitalize()} cannot be .*{words}"):
        registry.get(folder_of, "tried-bad")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ('EntryOf("activation", default="relu")', r".*; got 'activation'\. Did you mean 'activations'"),
        ('EntryOf("activations", default="rely")', "the default must be a name of activations, got 'rely'"),
        ('EntryOf("activations")', r"tried_bad\.py, line 12, .*missing 1 required keyword-only .* 'default'"),
    ],
)
def test_an_entry_of_no_kind_or_no_name_is_refused(plugin_folder, form, words):
    add(plugin_folder, "models/tried_bad.py", declaring(form, "model"))
    with pytest.raises(RegistryError, match=words):
        registry.get("models", "tried-bad")


@pytest.mark.parametrize("kind", registry.KINDS)
def test_what_cnnlab_s_own_entries_declare_can_be_used(kind):
    for name in registry.built_in(kind):
        assert (
            declarations.problem(kind, registry.get(kind, name), registry.names, tuple(registry.KINDS)) == ""
        )
