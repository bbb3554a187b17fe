from setuptools import find_packages, setup

setup(name="oldjob", version="1.0", packages=find_packages(), install_requires=["six==1.16.0"], scripts=["bin/oldjob"])
