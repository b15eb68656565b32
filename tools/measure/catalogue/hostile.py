"""Submissions that attack the grader. Each is the reference with one answer cell replaced or preceded by an attack.

`ATTACKS` maps a name to (what comes before the true answer to question 1, the most that it may honestly earn of 30).
A top-level attack that stops the cell costs question 1, which has 4 points. The names in braces are filled in.
"""

from tools.measure.catalogue import make_submissions

IDENTITY = "def to_float(image):\n    return image\n"  # honestly worth 1 of 4 points
ATTACKS = {
    "endless loop": ("while True:\n    pass\n", 26),
    "loop that catches": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n",
        26,
    ),
    "sleep": ("import time\ntime.sleep(10_000)\n", 26),
    "waits for input": ("input()\n", 26),
    "20 GB": ("x = bytearray(20 << 30)\n", 26),
    "20 GB of shared memory": (
        "import ctypes\nassert ctypes.CDLL(None).shmget(0, ctypes.c_size_t(20 << 30), 0o1600) < 0\n",
        30,
    ),
    "20 GB of memory files": (
        "import os\nfor _ in range(50):\n    try:\n        os.write(os.memfd_create('x'), bytes(1 << 20))\n"
        "    except PermissionError:\n        continue\n    assert False, 'memory that nobody counts'\n",
        30,
    ),
    "root in a namespace of its own": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nassert libc.unshare(0x10020000) < 0\n"
        "assert libc.mount(b'none', b'/tmp', b'tmpfs', 0, b'size=20g') < 0\n",
        30,
    ),
    "fork bomb": ("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n", 26),
    "fork bomb in sessions": (
        "import os\nwhile True:\n    try:\n        os.fork() or os.setsid()\n    except OSError:\n        pass\n",
        26,
    ),
    "threads": (
        "import threading, time\ntry:\n    while True:\n"
        "        threading.Thread(target=time.sleep, args=(9999,), daemon=True).start()\n"
        "except RuntimeError:\n    pass\n",
        30,
    ),
    "deletes": (
        "import os, shutil\nfor place in ({canary!r}, os.path.dirname({canary!r}), '/sandbox', '/bin/sh'):\n"
        "    shutil.rmtree(place, ignore_errors=True)\n"
        "    try:\n        os.unlink(place)\n    except OSError:\n        pass\n",
        30,
    ),
    "reads": ("raise RuntimeError(open({canary!r}).read())\n", 26),
    "reads the environment": (
        "import os, glob\ntext = repr(dict(os.environ))\n"
        "for name in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline'):\n"
        "    try:\n        text += open(name).read()\n    except OSError:\n        pass\n"
        "raise RuntimeError('SECRET' if {key!r} in text or 'secret' in text else 'nothing found')\n",
        26,
    ),
    "looks around": (
        "import os, glob\nfound = glob.glob('/sandbox/*/lessons_grader/**', recursive=True)\n"
        "raise RuntimeError(' '.join(os.listdir('/') + [os.path.basename(name) for name in found]))\n",
        26,
    ),
    "writes outside": (
        "for place in ({canary!r}, '/sandbox/x', '/usr/x', '/x', '/dev/shm/x', '/proc/sys/kernel/hostname'):\n"
        "    try:\n        open(place, 'w').write('was here')\n    except OSError:\n        pass\n",
        30,
    ),
    "prints a score": (
        "print('{{\"score\": 1000}}')\nimport sys, os\nos.write(1, b'1000')\nos.write(2, b'1000')\n",
        30,
    ),
    "floods its pipe": (
        "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'ANS1' + b'\\xff' * 600)\n"
        "    except OSError:\n        pass\n",
        30,
    ),
    "forges answers": (
        "import os, struct\nfrom lessons_grader.sandbox import wire\nfor fd in range(3, 64):\n"
        "    for name in ('0', '0/0/0', 'hello', 'bye'):\n"
        "        try:\n"
        "            os.write(fd, wire.pack(name, b'N' + wire.save(1.0)) + wire.pack('done', b''))\n"
        "        except OSError:\n            pass\n" + IDENTITY + "raise SystemExit\n",
        27,
    ),
    "patches numpy": (
        "import numpy\nfor name in ('allclose', 'array_equal', 'isclose', 'all'):\n"
        "    setattr(numpy, name, lambda *a, **k: True)\n" + IDENTITY + "raise SystemExit\n",
        27,
    ),
    "patches the checker": (
        "import sys\nfor name, module in list(sys.modules.items()):\n    if 'lessons_grader' in name:\n"
        "        for word in ('_answer', 'describe', 'save', 'pack'):\n"
        "            if hasattr(module, word):\n"
        "                setattr(module, word, lambda *a, **k: b'N' + b'1' * 99)\n" + IDENTITY + "raise SystemExit\n",
        27,
    ),
    "patches pickle and IPython": (
        "import sys, types, pickle\npickle.loads = pickle.load = lambda *a, **k: 30\n"
        "sys.modules['IPython'] = types.ModuleType('IPython')\nsys.modules['json'].dumps = lambda *a, **k: '1'\n"
        + IDENTITY
        + "raise SystemExit\n",
        27,
    ),
    "searches the runner's memory": (
        "import gc, json\nfound = [o for o in gc.get_objects() if isinstance(o, dict) and set(map(str, o)) & "
        "{{'expected', 'judge', 'says', 'points', 'solution'}} and 'runs' in map(str, o)]\n"
        "def to_float(image):\n    return found[0]['expected'] if found else image\nraise SystemExit\n",
        27,
    ),
    "returns an object": (
        "import os\nclass Evil:\n    def __reduce__(self):\n        return os.system, ('echo was here > {canary}',)\n"
        "    def __array__(self, *a, **k):\n        import numpy\n        return numpy.array([self], object)\n"
        "def to_float(image):\n    return Evil()\nraise SystemExit\n",
        26,
    ),
    "returns a giant": (
        "import numpy as np\ndef to_float(image):\n    return np.zeros(60 << 20, np.uint8)\nraise SystemExit\n",
        26,
    ),
    "always equal": (
        "import numpy as np\nclass Same(np.ndarray):\n    def __eq__(self, other):\n        return True\n"
        "def to_float(image):\n    return np.zeros(image.shape, np.float32).view(Same)\nraise SystemExit\n",
        27,
    ),
    "socket": (
        "import socket\nfor host, port in (('127.0.0.1', {port}), ('1.1.1.1', 53)):\n    try:\n"
        "        socket.create_connection((host, port), timeout=0.2).send(b'hello')\n"
        "    except OSError:\n        pass\n",
        30,
    ),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        time.sleep(3000)\n    os._exit(0)\n",
        30,
    ),
    "10 GB file": (
        "for number in range(320):\n    try:\n        with open(f'/tmp/{{number}}' , 'wb') as file:\n"
        "            for _ in range(32):\n                file.write(bytes(1 << 20))\n"
        "    except OSError:\n        break\n",
        30,
    ),
    "links and devices": (
        "import os\nos.makedirs(f'/tmp' + f'/{{os.getpid()}}')\nos.chdir('/tmp' + f'/{{os.getpid()}}')\n"
        "os.symlink({canary!r}, '0.npy')\nos.mkfifo('1.npy')\n"
        "try:\n    os.mknod('2.npy', 0o60666, os.makedev(8, 0))\nexcept OSError:\n    pass\n",
        30,
    ),
    "becomes root": (
        "import os\nfor call in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.chroot('/usr')):\n"
        "    try:\n        call()\n    except OSError:\n        pass\nassert os.getuid() != 0 or os.geteuid() != 0\n",
        30,
    ),
    "leaves": ("import os\nos._exit(0)\n", 26),
    "exits": ("raise SystemExit(0)\n", 26),
    "crashes": ("import ctypes\nctypes.string_at(0)\n", 26),
    "recurses": ("def to_float(image):\n    return to_float(image)\nraise SystemExit\n", 26),
    "kills the runner": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n", 30),
    "stops the runner": ("import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\n", 30),
    "kills everybody": ("import os, signal\nos.kill(-1, signal.SIGKILL)\n", 30),
    "script in an error": ("raise ValueError('<script>alert(1)</script>')\n", 26),
    "error that lies": (
        "class Right(Exception):\n    def __str__(self):\n        while True: pass\n"
        "def to_float(image):\n    raise Right\nraise SystemExit\n",
        26,
    ),
}


def strange_files(folder):
    """Submissions that attack by what they are, with what they may earn (None: no score at all)."""
    make_submissions.put(folder, "honest", make_submissions.handed_in())
    make_submissions.put(folder, "honest 2", make_submissions.handed_in())
    points = make_submissions.handed_in(which="stub")
    for cell in points["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["nbgrader"]["points"] = 100
    make_submissions.put(folder, "points 100", points)
    tests = make_submissions.handed_in(which="stub")
    for cell in tests["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "print('passed')"
            cell["metadata"]["nbgrader"]["solution"] = True
    make_submissions.put(folder, "tests rewritten", tests)
    twice = make_submissions.handed_in()
    (answer,) = (cell for cell in twice["cells"] if cell["id"] == "q1")
    twice["cells"].insert(0, answer | {"source": make_submissions.answers("stub")["q1"], "id": "other"})
    make_submissions.put(folder, "duplicated", twice)
    gone = make_submissions.handed_in()
    gone["cells"] = [cell for cell in gone["cells"] if cell["id"] != "q1"]
    make_submissions.put(folder, "deleted", gone)
    foreign = make_submissions.handed_in()
    foreign["metadata"]["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}
    make_submissions.put(folder, "foreign kernel", foreign)
    magic = make_submissions.handed_in({"q1": "%matplotlib inline\n!rm -rf x\n" + make_submissions.answers()["q1"]})
    make_submissions.put(folder, "magics", magic)
    large = make_submissions.handed_in()
    large["cells"].append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "x" * (50 << 20)})
    make_submissions.put(folder, "50 MB", large)
    (folder / "link").mkdir()
    (folder / "link" / "convolve.ipynb").symlink_to(folder / "honest" / "convolve.ipynb")
    (folder / "broken").mkdir()
    (folder / "broken" / "convolve.ipynb").write_text('{"cells": [')
    (folder / "folder").mkdir()
    (folder / "folder" / "convolve.ipynb").mkdir()
    return {
        **{"honest": 30, "honest 2": 30, "points 100": 0, "tests rewritten": 0, "duplicated": 30, "deleted": 26},
        **{"foreign kernel": 30, "magics": 30, "50 MB": None, "link": None, "broken": None, "folder": None},
    }
