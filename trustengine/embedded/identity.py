"""Which user an embedded server runs as: PostgreSQL refuses to run as root.

For an ordinary user the answer is simply: that user. Root has two ways:

- a user namespace in which root is called ``nobody``: nothing changes its owner, and
  a home directory that only root can enter is no obstacle;
- where namespaces are refused (many containers), really becoming another user, and
  keeping just the right to pass directories. The data then belongs to that user.
"""

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from trustengine.embedded.errors import EmbeddedError
from trustengine.embedded.parent_death import libc

NOBODY = 65534
CLONE_NEWUSER = 0x10000000
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


class Identity(NamedTuple):
    """How a child sheds root: not at all, in a namespace of its own, or by becoming ``uid``."""

    namespace: bool = False
    uid: int | None = None
    gid: int | None = None

    def assume(self) -> None:
        """Become this identity; runs in the child between fork and exec. Raises OSError."""
        if self.namespace:
            enter_user_namespace()
        elif self.uid is not None and self.gid is not None:
            become(self.uid, self.gid)


def unprivileged(directory: Path) -> Identity:
    """The identity for a server that refuses root and keeps its files in ``directory``, which it will own."""
    if os.geteuid() != 0:
        return Identity()
    owner = directory.stat()
    if owner.st_uid == 0:
        if user_namespaces_work():
            return Identity(namespace=True)
        give_away(directory, NOBODY, NOBODY)
        return Identity(uid=NOBODY, gid=NOBODY)
    # Made by another user, or by root under the second way: it stays with its owner.
    return Identity(uid=owner.st_uid, gid=owner.st_gid)


def give_away(directory: Path, uid: int, gid: int) -> None:
    """Change the owner of a directory and all that is in it. Raises EmbeddedError."""
    try:
        for folder, _, files in os.walk(directory):
            os.chown(folder, uid, gid)
            for name in files:
                os.chown(Path(folder, name), uid, gid, follow_symlinks=False)
    except OSError as error:
        raise EmbeddedError(
            f"cannot give {directory} to an ordinary user, as PostgreSQL needs: {error.strerror}"
        ) from error


@cache
def user_namespaces_work() -> bool:
    """Whether this process may create user namespaces: tried in a child that does nothing else."""
    if libc is None or sys.platform != "linux":
        return False
    child = os.fork()
    if child == 0:
        try:
            enter_user_namespace()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def enter_user_namespace() -> None:
    """Continue in a namespace where this user, root outside, is ``nobody``."""
    assert libc is not None
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    for file, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} 0 1"), ("gid_map", f"{NOBODY} 0 1")):
        descriptor = os.open(f"/proc/self/{file}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def become(uid: int, gid: int) -> None:
    """Turn from root into another user, who may still pass every directory on the way to its own files.

    The programs and the data may lie below a directory that only root can enter. Where
    the capability cannot be kept, the server's own error tells which path is closed.
    """
    if libc is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if libc is not None:
        mask = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        if libc.capset(ctypes.byref(header), ctypes.byref(sets)) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
