"""Answers to "return a Keras model" that attack the grader with what they return. None is worth a point.

Each is an answer cell for question 6 of Assignment 3, `denoiser()`. The names in braces are filled in.
"""

HEAD = """
import io, json, os, zipfile

PLACE = f"{{os.getpid()}}.keras"

def layer(name, module="keras.layers", **config):
    node = {{"args": [{{"class_name": "__keras_tensor__", "config": {{
        "shape": [None, None, None, 1], "dtype": "float32", "keras_history": ["a", 0, 0]}}}}], "kwargs": {{}}}}
    return {{"module": module, "class_name": name, "config": {{"name": "b"}} | config, "registered_name": None,
            "name": "b", "inbound_nodes": [node]}}

def config(second):
    first = {{"module": "keras.layers", "class_name": "InputLayer", "registered_name": None, "name": "a",
             "config": {{"batch_shape": [None, None, None, 1], "dtype": "float32", "name": "a"}}, "inbound_nodes": []}}
    return json.dumps({{"module": "keras.src.models.functional", "class_name": "Functional", "registered_name":
        "Functional", "config": {{"name": "m", "layers": [first, second], "input_layers": ["a", 0, 0],
        "output_layers": ["b", 0, 0]}}}})

def weights():
    import h5py
    buffer = io.BytesIO()
    h5py.File(buffer, "w").close()
    return buffer.getvalue()

def write(parts, **options):
    with zipfile.ZipFile(PLACE, "w", **options) as file:
        for name, content in parts:
            file.writestr(name, content)
    return PLACE

def model(second, **others):
    parts = {{"metadata.json": "{{}}", "config.json": config(second), "model.weights.h5": weights()}}
    return write((parts | others).items())
"""
FAIR = "    return model(layer('Identity'))\n"  # what the helpers write is a model: so each attack fails by itself
ATTACKS = {
    "lambda with code": (
        "    spoil = lambda x: (open({canary!r}, 'w').write('was here'), x)[1]\n"
        "    return keras.Sequential([keras.Input((None, None, 1)), layers.Lambda(spoil)])\n"
    ),
    "marshalled code": (
        "    import base64, marshal\n"
        "    code = compile('open({canary!r}, \"w\").write(\"was here\")', 'x', 'exec')\n"
        "    value = {{'code': base64.b64encode(marshal.dumps(code)).decode(), 'defaults': None, 'closure': None}}\n"
        "    function = {{'class_name': '__lambda__', 'config': value}}\n"
        "    return model(layer('Lambda', function=function))\n"
    ),
    "a class of its own": (
        "    @keras.saving.register_keras_serializable('x')\n"
        "    class Spoil(layers.Layer):\n"
        "        def call(self, x):\n"
        "            open({canary!r}, 'w').write('was here')\n"
        "            return x\n"
        "    return keras.Sequential([keras.Input((None, None, 1)), Spoil()])\n"
    ),
    "a function by its name": (
        "    call = {{'module': 'os', 'class_name': 'function', 'config': 'system', 'registered_name': 'system'}}\n"
        "    return model(layer('Activation', activation=call))\n"
    ),
    "downloads": (
        "    call = {{'module': 'keras.utils', 'class_name': 'function', 'config': 'get_file'}}\n"
        "    return model(layer('Activation', activation=call))\n"
    ),
    "reads a vocabulary": "    return model(layer('StringLookup', vocabulary={canary!r}))\n",
    "zip bomb": (
        "    return write([('metadata.json', '{{}}'), ('config.json', bytes(25 << 20)), ('model.weights.h5', b'')],\n"
        "                 compression=zipfile.ZIP_DEFLATED)\n"
    ),
    "path traversal": "    return model(layer('Identity'), **{{'../../../..' + {canary!r}: 'was here'}})\n",
    "absolute path": "    return model(layer('Identity'), **{{{canary!r}: 'was here'}})\n",
    "link in the zip": (
        "    link = zipfile.ZipInfo('config.json')\n    link.external_attr = 0o120777 << 16\n"
        "    return write([('metadata.json', '{{}}'), (link, {canary!r}), ('model.weights.h5', weights())])\n"
    ),
    "link for a file": "    os.symlink({canary!r}, PLACE)\n    return PLACE\n",
    "device for a file": "    os.symlink('/dev/zero', PLACE)\n    return PLACE\n",
    "pipe for a file": "    os.mkfifo(PLACE)\n    return PLACE\n",
    "huge weights": "    return model(layer('Conv2D', filters=10**10, kernel_size=[3, 3]))\n",
    "huge answers": "    return model(layer('UpSampling2D', size=[20000, 20000]))\n",
    "external weights": (
        "    import h5py\n    buffer = io.BytesIO()\n"
        "    with h5py.File(buffer, 'w') as file:\n"
        "        file.create_dataset('layers/conv2d/vars/0', (3, 3, 1, 1), 'f4', external=[({canary!r}, 0, 36)])\n"
        "    second = layer('Conv2D', filters=1, kernel_size=[3, 3])\n"
        "    return model(second, **{{'model.weights.h5': buffer.getvalue()}})\n"
    ),
    "patched save": (
        "    keras.Model.save = lambda self, path: open(path, 'wb').write(b'{{\"score\": 1000}}')\n"
        "    return keras.Sequential([keras.Input((None, None, 1)), layers.Identity()])\n"
    ),
    "right numbers, no model": "    return np.ones((1, 17, 31, 1), np.float32)\n",
    "a thousand models": "    return (PLACE,) * 1000 if model(layer('Identity')) else None\n",
}


def answer(attack, canary):
    """The answer cell of an attack."""
    return (HEAD + "\ndef denoiser():\n" + attack).format(canary=canary)
