"""Where a module comes from: a function and its arguments, called under a seed."""

import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

import numpy as np
import torch
from torch import nn

from cnnlab.errors import ConfigError
from cnnlab.own.seeded_dropout import RowNumber
from cnnlab.own.signature import place

# torch's generator is one for all threads, and an API serves requests in several.
generator_in_use = RLock()


@dataclass(frozen=True)
class ModuleSource:
    """A function that returns a module, and the arguments of one config.

    `given` are those that cnnlab passes and the function takes: shape, classes. `shape` is that of an image.
    """

    function: Callable[..., Any]
    hypers: Mapping[str, Any]
    given: Mapping[str, Any]
    shape: tuple[int, int, int]

    def make(self, seed: int) -> nn.Module:
        """Return a module; its first weights are what its code draws after torch.manual_seed(seed).

        Lazy layers get their shapes from a pass on two images. ConfigError at "model", with file, line and
        the values of the hyperparameters, where the function fails, returns something else, or has first
        weights that do not follow from the seed.
        """
        what = f"{self.called} failed"
        with generator_in_use, torch.random.fork_rng(devices=()), self.blamed(what):
            torch.manual_seed(seed)
            with self.drawing_from_torch("first weights"):
                made = self.function(**self.hypers, **self.given)
            if torch.initial_seed() != seed:
                raise ConfigError(
                    "model",
                    f"{self.at}: must not seed torch's generator, which has the trial's seed; it calls "
                    f"manual_seed({torch.initial_seed()}), and all seeds would have the same first weights",
                )
            if not isinstance(made, nn.Module):
                raise ConfigError("model", f"{self.at}: must return a torch.nn.Module, got {made!r}"[:300])
            if any(nn.parameter.is_lazy(own) for own in (*made.parameters(), *made.buffers())):
                with torch.no_grad():  # not in training, which would move statistics and draw masks
                    made.eval()(torch.zeros(2, *self.shape))
                made.train()
            return made

    def with_numbers(self, numbers: Mapping[str, float]) -> "ModuleSource":
        """Return the same with other values of hyperparameters of rows, by path."""
        own = {
            name: RowNumber(numbers.get(value.path, value), value.path)
            if isinstance(value, RowNumber)
            else value
            for name, value in self.hypers.items()
        }
        return replace(self, hypers=own)

    @property
    def rows(self) -> dict[str, float]:
        """Return the hyperparameters in which rows may differ, by path."""
        return {value.path: float(value) for value in self.hypers.values() if isinstance(value, RowNumber)}

    @property
    def at(self) -> str:
        """Return file, line and name of the function."""
        return place(self.function)

    @property
    def called(self) -> str:
        """Return the call with its hyperparameters: `net(channels=16, dropout=0.5)`."""
        values = ", ".join(
            f"{name}={float(value)!r}" if isinstance(value, RowNumber) else f"{name}={value!r}"
            for name, value in self.hypers.items()
        )
        return f"{getattr(self.function, '__name__', 'the function')}({values})"

    @contextmanager
    def blamed(self, what: str) -> Iterator[None]:
        """Raise what user code raises as ConfigError at "model", with the line of its file."""
        try:
            yield
        except ConfigError:
            raise
        except (Exception, SystemExit) as error:  # an exit would end the service
            first = next(iter(str(error).splitlines()), "")
            raise ConfigError(
                "model", f"{self._line_of(error)}: {what}: {type(error).__name__}: {first}"
            ) from error

    @contextmanager
    def drawing_from_torch(self, what: str) -> Iterator[None]:
        """Raise ConfigError at "model" where user code draws from the generators of Python or NumPy."""
        before = _other_generators()
        yield
        for name, state in _other_generators().items():
            if state != before[name]:
                raise ConfigError(
                    "model",
                    f"{self.at}: {what} must be drawn from torch's generator, which has the trial's seed; "
                    f"they are drawn from {name}",
                )

    def _line_of(self, error: BaseException) -> str:
        """Return the last line of the function's file that an exception passed, else the function."""
        code = getattr(self.function, "__code__", None)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if code and frame.filename == code.co_filename]
        if not own:
            return self.at
        return f"{self.at.partition(',')[0]}, line {own[-1].lineno}, {own[-1].name}"


def _other_generators() -> dict[str, object]:
    """Return the states of the generators that no seed of a trial reaches."""
    _, words, place, *_ = np.random.get_state()
    return {"Python's random": random.getstate(), "numpy.random": (np.asarray(words).tobytes(), place)}
