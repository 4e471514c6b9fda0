"""Why vmap does not take a module, in a few words: what torch says is advice for whoever calls vmap."""

import re

MAX_REASON_CHARS = 200
OPERATION = r"(aten::\w+(?:\.\w+)?)"
# What torch says, and what that means for a module, with the operation's name where torch names one.
REASONS = (
    (r"data-dependent control flow", "forward branches on values of a tensor, as by if or while"),
    (
        r"calling \.item\(\)|Cannot access data pointer of Tensor",
        "forward reads a tensor's values into Python, as by .item(), float() or .numpy()",
    ),
    (
        r"^vmap: (?:inplace arithmetic|aten::\w+)\(self, \*extra_args\) is not possible"
        r"|^output with shape .* doesn't match the broadcast shape",
        "forward writes numbers of each row in place into a tensor of all rows, as one of torch.zeros",
    ),
    (r"called random operation", "forward draws random numbers in another way than by nn.Dropout"),
    (r"indexing with a boolean mask", "forward selects numbers by a mask: their count depends on values"),
    (rf"dynamic shape.* over {OPERATION}", "the shape of what {0} returns depends on values"),
    (
        rf"{OPERATION} hit the vmap fallback|not (?:implemented for|yet support) {OPERATION}",
        "torch.vmap has no rule for {0}",
    ),
)


def reason_of(error: Exception) -> str:
    """Return why a pass of several rows failed, without a period at its end.

    An error of another kind is its first sentence, without torch's advice on what to do.
    """
    said = str(error)
    for pattern, words in REASONS:
        if found := re.search(pattern, said):
            return words.format(next(filter(None, found.groups()), ""))
    line = next(iter(said.strip().splitlines()), "").removeprefix("vmap: ")
    sentence = re.split(r"(?<!\.\w)[.!?] (?=[A-Z])", line)[0]
    return (sentence or type(error).__name__)[:MAX_REASON_CHARS].rstrip(" .")
