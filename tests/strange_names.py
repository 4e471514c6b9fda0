"""Names that a user may give, and that some target would misread if it did not escape them."""

from __future__ import annotations

STRANGE = [
    "Ρυθμός μάθησης",
    "学习率 ／ 扫描",
    "معدل التعلّم",
    "🧪👩‍🔬 3°",
    "a/b",
    'it\'s "quoted" `so`',
    "a%2Fb",
    "..",
    "<script>document.title='owned'</script>",
    "=1+2",
    "[bold]x[/bold] :smile:",
    "-rf *; $HOME",
    "a & b | c \\ d",
]
