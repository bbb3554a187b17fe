from setuptools import Extension, find_packages, setup

setup(
    name="boxes",
    version="0.5",
    packages=find_packages(exclude=("tools",)),
    ext_modules=[Extension("boxes._C", ["boxes/csrc/nms.c"], optional=True)],
)
