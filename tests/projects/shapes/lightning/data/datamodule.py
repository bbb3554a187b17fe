import six


class DataModule:
    def __init__(self, folder):
        self.folder = folder
