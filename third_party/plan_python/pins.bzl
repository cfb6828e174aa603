"""Pins written by third_party/pypi/lock.py numpy==2.3.5 scipy==1.16.3."""

WHEELS = {
    "numpy": ["2.3.5", "8cba086a43d54ca804ce711b2a940b16e452807acebe7852ff327f1ecd49b0d4"],
    "scipy": ["1.16.3", "0151a0749efeaaab78711c78422d413c583b8cdd2011a3c1d6c794938ee9fdb2"],
}
