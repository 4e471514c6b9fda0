"""A plug-in that fails is named with its file, its line and what its contract asks."""

import pytest
from plugin_files import SIGN, add

from cnnlab.fit import fit
from cnnlab.plugin_failure import describe_failure


def test_an_exception_in_training_names_its_line_and_its_contract(plugin_folder):
    text = (
        SIGN.replace('w.addcmul_(g.sign(), c["lr"], value=-1)', "step(w, c)")
        + '\n\ndef step(w, c):\n    w.add_(c["l"])\n'
    )
    add(plugin_folder, "optimizers/tried_bad.py", text)
    train = {"optimizer": "tried-bad", "epochs": 1}
    with pytest.raises(KeyError) as caught:
        fit({"model": "mlp", "data": "fashion-mnist-mini", "train": train})
    told = describe_failure(caught.value)
    assert told.startswith("the plug-in optimizers/tried_bad.py failed in line 24, step: KeyError: 'l'. ")
    assert "Rule.update(w, g, slots, c): " in told
    assert describe_failure(KeyError("elsewhere")) == ""
