import sys

import six

print(f"six {six.__version__}, {int(sys.argv[1])} files", end="")
