from trustengine.jobs.tests.conftest import messages

__all__ = ["messages"]
