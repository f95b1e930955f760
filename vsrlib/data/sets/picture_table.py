"""The pictures that may be learned from: where each lies, which part it is of, who made it, and under which licence.

As scikit-image documents them, and as the file `copyright` of each package says. Left out are pictures under the GPL,
which most in Debian's wallpaper packages are, and those that show little but a gradient.
"""

from typing import NamedTuple


class Source(NamedTuple):
    """A picture: the part that it is of ("train" or "validation"), its file, author and licence."""

    part: str
    file: str
    author: str
    licence: str


class Package(NamedTuple):
    """A package of Debian 12, the folder that its pictures lie in, and these by name."""

    version: str
    folder: str
    pictures: dict[str, Source]


EMBEDDED = {
    "camera": Source("train", "camera.png", "Lav Varshney", "CC0"),
    "gravel": Source("train", "gravel.png", "CC0Textures", "CC0"),
    "brick": Source("train", "brick.png", "CC0Textures", "CC0"),
    "grass": Source("train", "grass.png", "linolafett", "CC0"),
    "hubble": Source("train", "hubble_deep_field.jpg", "NASA, HubbleSite", "public domain"),
}
"""Those of scikit-image. The test photographs are not among them."""

LEAVES = {"train": [[index, 3] for index in range(16)], "validation": [[index, 4] for index in range(2)]}
"""The seeds of the drawn pictures."""

_BACKGROUNDS = "usr/share/backgrounds"
_UKUI = "Ubuntu Kylin community contributors"

PACKAGES = {
    "lomiri-wallpapers-16.04": Package(
        "20.04.0-2",
        _BACKGROUNDS,
        {
            "bridge": Source("train", "Bridge_by_Sander_Klootwijk.jpg", "Sander Klootwijk", "CC BY-SA 4.0"),
            "dragonfly": Source("train", "Dragonfly_by_Bolly.jpg", "Bolly", "CC BY-SA 4.0"),
            "brushes": Source("train", "Picture_1A_by_freespace.jpg", "Trevor Freespace", "CC BY 4.0"),
            "wine": Source("train", "Wine_by_Jakkub_Mede.jpg", "Jakub Mede", "CC BY 4.0"),
            "aitzgorri": Source("train", "aitzgorri_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", "CC BY 4.0"),
            "pattern": Source("train", "analogpattern_by_Peter_Nerlich.jpg", "Peter Nerlich", "CC BY-SA 4.0"),
            "clock": Source("train", "greentock_by_Peter_Nerlich.jpg", "Peter Nerlich", "CC BY-SA 4.0"),
            "brook": Source("train", "life_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", "CC BY 4.0"),
            "dandelions": Source("train", "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", "CC0"),
            "sunset": Source("train", "sunset_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", "CC BY 4.0"),
            "fig": Source("validation", "Picture_0B_by_freespace.jpg", "Trevor Freespace", "CC BY 4.0"),
            "friends": Source("validation", "friends_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", "CC BY 4.0"),
            "picos": Source("validation", "picosdeeuropa_by_Aitzol_Berasategi.jpg", "Aitzol Berasategi", "CC BY 4.0"),
        },
    ),
    "lomiri-wallpapers-20.04": Package(
        "20.04.0-2",
        _BACKGROUNDS,
        {
            "sea": Source("train", "Infinite-Sea_by_Aury88.jpg", "Aury88", "CC BY-SA 3.0"),
            "nuthatch": Source("train", "Kleiber_by_Lukas_Baubkus.jpg", "Lukas Baubkus", "CC BY-SA 3.0"),
        },
    ),
    "ukui-wallpapers": Package(
        "20.04.3-1.1",
        _BACKGROUNDS,
        {
            "ribbon": Source("train", "2004default.jpg", _UKUI, "CC BY-SA 3.0"),
            "head": Source("train", "firstgeneration.jpg", _UKUI, "CC BY-SA 3.0"),
            "string": Source("train", "string.jpg", _UKUI, "CC BY-SA 3.0"),
            "mouse": Source("train", "the-mouse.jpg", _UKUI, "CC BY-SA 3.0"),
        },
    ),
}
