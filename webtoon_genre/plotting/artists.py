"""matplotlib's classes that make up a figure, imported out of reach of the user's configuration; every module imports them from here."""

import logging

from webtoon_genre.core import machine

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it says that it lists its fonts, and where that takes long
with machine.hidden_configuration():
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text
    from matplotlib.ticker import EngFormatter, LogFormatter

    matplotlib.get_configdir()  # remembered; a later call makes the folder anew

__all__ = [
    "Axes",
    "EngFormatter",
    "FT2Font",
    "Figure",
    "FigureCanvasAgg",
    "Line2D",
    "LinearSegmentedColormap",
    "LogFormatter",
    "Rectangle",
    "Text",
    "font_manager",
    "matplotlib",
]
