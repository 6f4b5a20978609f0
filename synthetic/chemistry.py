"""Chemical structures, drawn by RDKit from molecules put together at random."""

import io
from typing import Any

from PIL import Image
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from synthetic.stateless_random import Rng

RINGS = (
    "c1ccccc1",
    "C1CCCCC1",
    "c1ccncc1",
    "c1ccoc1",
    "c1ccsc1",
    "C1CCNCC1",
    "c1ccc2ccccc2c1",
    "c1ccc2[nH]ccc2c1",
    "C1CCOC1",
)
ARMS = (
    "C",
    "CC",
    "O",
    "N",
    "C(=O)O",
    "C(=O)N",
    "OC",
    "Cl",
    "F",
    "Br",
    "CCO",
    "C#N",
    "S(=O)(=O)N",
    "C(C)C",
    "CC(=O)",
    "NC(=O)C",
    "[N+](=O)[O-]",
)


def random_molecule(rng: Rng) -> Chem.Mol:
    """Rings with arms, joined by chains; whatever RDKit finds sound."""
    while True:
        parts = [rng.choice(RINGS)]
        for _ in range(rng.randint(0, 4)):
            parts.append(rng.choice(ARMS))
        if rng.random() < 0.5:
            parts.append(rng.choice(RINGS).replace("1", "3").replace("2", "4"))
        with_branches = (
            parts[0] + "".join(f"({part})" for part in parts[1:-1]) + parts[-1]
            if len(parts) > 1
            else parts[0]
        )
        found = Chem.MolFromSmiles(with_branches) or Chem.MolFromSmiles("".join(parts))
        if found is not None:
            return found


def structure(rng: Rng) -> Image.Image:
    """One structural formula."""
    rdBase.DisableLog("rdApp.*")  # most mixtures are no molecules, and RDKit reports each
    mol = random_molecule(rng)
    rdDepictor.Compute2DCoords(mol)
    width, height = rng.randint(200, 700), rng.randint(200, 600)
    drawer = rdMolDraw2D.MolDraw2DCairo(width, height)
    options: Any = drawer.drawOptions()
    options.rotate = rng.uniform(0, 360)
    options.bondLineWidth = rng.uniform(1, 4)
    options.addAtomIndices = rng.random() < 0.1
    options.padding = rng.uniform(0.02, 0.3)
    if rng.random() < 0.5:
        options.useBWAtomPalette()
    drawer.DrawMolecule(mol)
    drawer.FinishDrawing()
    return Image.open(io.BytesIO(drawer.GetDrawingText())).convert("RGB")


KINDS = {"structure": structure}
