"""Send one picture to a server, and say what it scores: `python -c SCRIPT URL MODEL PICTURE`.

Standard library alone, and no proxy: it runs in the service's image, next to the service.
"""

import base64
import http.client
import json
import sys
from urllib.parse import urlsplit


def score(url: str, model: str, picture: str) -> str:
    """The answer in one line; raises SystemExit if it is not a score."""
    with open(picture, "rb") as file:  # noqa: PTH123  as short as it gets
        image = base64.b64encode(file.read()).decode()
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=20)
    body = json.dumps({"instances": [{"filename": picture, "target": "logo", "image": image}]})
    headers = {"Host": address.netloc, "Content-Type": "application/json"}
    connection.request("POST", f"/v1/models/{model}:predict", body, headers)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    if answer.status != 200 or not 0 <= document["predictions"][0]["prediction"] <= 1:
        raise SystemExit(f"{answer.status}: {document}")
    return f"{picture} scores {document['predictions'][0]['prediction']}"


print(score(*sys.argv[1:4]))  # noqa: T201  a command
