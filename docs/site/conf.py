"""Settings of the site, which Sphinx builds from what ``lay_out.py`` has laid out."""

import os
import sys
from pathlib import Path

SITE = Path(__file__).parent
ROOT = SITE.parents[1]
sys.path[:0] = [str(ROOT), str(SITE)]
os.environ["PYTHONPATH"] = str(ROOT)  # Of the notebooks' kernels.

import msdnum  # noqa: E402

project = "msdnum"
author = project_copyright = "The msdnum maintainers"
version = release = msdnum.__version__

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb", "mathml"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["files"]
nitpicky = False

# The notebooks are committed without outputs, so they run here; an error in one ends the build.
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "docs" / "notebooks")
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_dmath_double_inline = True

numpydoc_show_class_members = False
autodoc_typehints = "none"  # Docstrings say the types, in words.
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"msdnum {release}"
html_static_path = ["static"]
html_css_files = ["msdnum.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style, pygments_dark_style = "default", "monokai"
