"""A gated recurrent net that reads an image row by row. Source: K. Cho et al. (2014)."""

from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class RowReader(nn.Module):
    """The last state of a GRU over the rows, and a linear layer."""

    def __init__(self, hidden, shape, classes):
        super().__init__()
        self.gru = nn.GRU(shape[0] * shape[2], hidden, batch_first=True)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x):
        """Return (N, classes)."""
        states, _ = self.gru(x.transpose(1, 2).flatten(2))
        return self.out(states[:, -1])


@own_model
def gru(hidden: Int[1, 256] = 8, *, shape, classes):
    """Return a reader of rows."""
    return RowReader(hidden, shape, classes)
