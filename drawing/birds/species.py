"""The field guide: every species as data, in taxonomic order.

Two species of a pair differ in one field mark and in nothing else. Terms and units: ``traits``.
"""

from __future__ import annotations

from birds.traits import Bill, Build, Dress, FieldMarks, Plumage, Species

__all__ = ["SPECIES", "Bill", "Build", "Dress", "FieldMarks", "Plumage", "Species"]

_MARSHDUCK = Species(
    "Russet Marshduck",
    "Ducks",
    Plumage(
        crown="24483f", cheek="2c5548", throat="22423a", neck="27493f", breast="7e4429", belly="d9d2c2",
        flank="b9b2a4", vent="23211f", back="6f675b", rump="2a2725", wing="756c60", coverts="857c70",
        feather_edge="b0a694", tail="4b443c", underwing="d9d4ca", legs="d06c32",
    ),
    Build(
        size=2.0, plumpness=0.94, head_radius=13.2, eye_radius=0.115, tail_length=21, tail_notch=-0.15,
        leg_length=9, posture=(0, 14), neck_length=11, neck_width=8.6, wing_length=84, wing_point=0.75,
        wing_set=4, swims=True,
    ),
    Bill(1.35, 0.52, -0.03, upper="b9a53c", lower="a08f3a", flat=True),
    FieldMarks(collar="efeae0", speculum="3a66b0"),
    female=Dress(
        {"crown": "5d4a35", "cheek": "a08766", "throat": "c7b494", "neck": "977d5c", "breast": "8d7350",
             "flank": "a48a64", "belly": "cdbd9f", "vent": "a79473", "back": "624f3a", "rump": "5f4e3b", "wing": "6c5a45",
             "coverts": "77644d", "feather_edge": "b79d78"},
        {"collar": None, "eye_stripe": "3f3123", "flank_streaks": "5c4731", "back_streaks": "3f3021"},
        lower_bill="b07a3a",
    ),
    juvenile=Dress(
        {"crown": "544331", "cheek": "927a5c", "throat": "b8a587", "neck": "8b7356", "breast": "7f684a",
             "flank": "947c5b", "vent": "9a8768", "back": "58483a", "rump": "54473a"},
        {"collar": None, "eye_stripe": "3f3123", "flank_streaks": "54412d"},
    ),
)  # fmt: skip
_SHORELET = Species(
    "Pale Shorelet",
    "Waders",
    Plumage(
        crown="98846a", forehead="f1ece2", cheek="a08c72", nape="f2eee5", throat="f6f2ea", breast="f4f0e8",
        belly="f7f4ee", flank="f4f0e8", back="9a866b", rump="a6937a", wing="87745c", coverts="9a866b",
        feather_edge="c4b295", tail="6f5f4c", underwing="f0ece4", legs="c98a3c", iris="1c120c",
    ),
    Build(
        size=1.1, plumpness=0.98, head_radius=14.6, eye_radius=0.14, tail_length=21, leg_length=24,
        posture=(4, 20), neck_length=2, wing_length=86, wing_point=0.85, wing_set=2,
    ),
    Bill(0.72, 0.30, 0.04, upper="1d1a18", lower="c98a3c"),
    FieldMarks(mask="4a3a2c"),
    juvenile=Dress(
        {"crown": "a08d74", "cheek": "a79680", "back": "a19077", "coverts": "a3927a", "feather_edge": "dccfb6",
             "legs": "b09468"},
        {"mask": "6f5d4b"},
        lower_bill="4c4238",
    ),
)  # fmt: skip
_STREAMDART = Species(
    "Cobalt Streamdart",
    "Kingfishers",
    Plumage(
        crown="235f97", cheek="cf7934", throat="efe8da", breast="d47d40", belly="d58546", back="3187b4",
        rump="4aaecb", wing="21526f", coverts="236788", feather_edge="3d87aa", tail="23557f",
        underwing="cd8a55", legs="c24f32",
    ),
    Build(
        1.05, 1.04, head_radius=17.0, eye_radius=0.115, tail_length=19, leg_length=6, posture=(32, 52),
        wing_length=64, wing_point=0.4,
    ),
    Bill(2.0, 0.44, 0.02, upper="1d1e20", lower="2b2624"),
    FieldMarks(collar="efe8da", eye_stripe="2a2a30"),
    female=Dress(lower_bill="c2563a"),
    juvenile=Dress(
        {"crown": "2b567c", "breast": "b98a62", "belly": "c59a70", "back": "3a7790", "coverts": "2c5f74", "legs": "7a4a3a"},
    ),
)  # fmt: skip
_BARKCHISEL = Species(
    "Pied Barkchisel",
    "Woodpeckers",
    Plumage(
        crown="1f1d1e", forehead="d8c8a8", cheek="efe9dc", throat="eee7d8", breast="e6dcc6", belly="e8dfca",
        vent="c03a34", back="201e20", rump="232124", wing="232022", feather_edge="4a4546", tail="1e1c1d",
        underwing="cfc8ba", legs="6a665e", iris="5a2018",
    ),
    Build(
        1.2, 0.94, head_radius=14.2, eye_radius=0.115, tail_length=33, tail_notch=-0.2, leg_length=5,
        posture=(46, 66), neck_length=2, neck_width=12, wing_length=74, wing_point=0.2,
    ),
    Bill(1.15, 0.36, 0.0, upper="3a3a3c", lower="55534f"),
    FieldMarks(nape_patch="c8312c", malar_stripe="1c1a1b", scapular_patch="f1ece0", wing_spots="efe9dc"),
    female=Dress(marks={"nape_patch": None}),
    juvenile=Dress({"crown": "b53a33", "vent": "c98078", "breast": "ddd0b8"}, {"nape_patch": None}),
)  # fmt: skip
_WINDFALCON = Species(
    "Slate Windfalcon",
    "Falcons",
    Plumage(
        crown="59636e", nape="5d6670", cheek="d8cbb2", throat="eee4d0", breast="e3cfae", belly="e6d3b3",
        flank="dcc39b", vent="d6b68a", back="5a6470", rump="727d88", wing="4c5560", coverts="5e6974",
        feather_edge="87919b", tail="68737e", underwing="d8cfbf", legs="d8a92f", iris="20140c",
    ),
    Build(
        size=1.7, plumpness=1.04, head_radius=14.2, eye_radius=0.14, tail_length=36, tail_notch=-0.06,
        leg_length=9, posture=(46, 62), neck_length=4, wing_length=92, wing_point=0.9, wing_set=-1.5,
    ),
    Bill(0.5, 0.5, 0.2, upper="42474d", lower="62676b", cere="d9b03a"),
    FieldMarks(flank_streaks="5a4636", tail_band="2b3036"),
    female=Dress(
        {"crown": "7c6248", "nape": "836a50", "back": "7d5f42", "rump": "84684c", "wing": "5b4836", "coverts": "7d6044",
             "feather_edge": "b09270", "tail": "7f664b"},
        {"back_streaks": "46362a"},
    ),
    juvenile=Dress(
        {"crown": "6b5a49", "nape": "74624f", "cheek": "cdbb9c", "breast": "dcc8a6", "belly": "e0cfb0", "back": "66533f",
             "rump": "6f5d48", "wing": "4f4336", "coverts": "6a5743", "feather_edge": "b39c7b", "tail": "67563f",
             "legs": "b3a35e"},
        {"breast_spots": "58442f", "flank_streaks": "513f2f"},
    ),
)  # fmt: skip
_SILKCREST = Species(
    "Saffron Silkcrest",
    "Silkcrests",
    Plumage(
        crown="a98469", forehead="a8714f", nape="9f7f6c", cheek="ad8a6c", throat="a98a74", breast="ac8c76",
        belly="b9a797", vent="8f4d30", back="826c5f", rump="85837f", wing="4a484a", feather_edge="85817f",
        tail="535355", underwing="b9b0a6", legs="2c2622",
    ),
    Build(size=0.98, plumpness=1.05, head_radius=14.2, eye_radius=0.11, leg_length=8, crest=0.85,
          wing_point=0.6),
    Bill(0.5, 0.38, upper="1f1b1a", lower="3a3230"),
    FieldMarks(mask="181412", bib="181412", tail_band="e2b540"),
    female=Dress({"crown": "a3836d", "forehead": "9f7a60", "breast": "a68d7b"}, {"bib": "4a3b32"}),
    juvenile=Dress(
        {"crown": "94806e", "forehead": "8f7a68", "cheek": "9a8672", "breast": "a3917f", "belly": "bfb2a3",
             "vent": "9a745c", "back": "7d6f63"},
        {"bib": None, "flank_streaks": "766556"},
    ),
)  # fmt: skip
_CAPLING = Species(
    "Sooty Capling",
    "Caplings",
    Plumage(
        crown="1a1a1d", cheek="ece6da", throat="e6dece", breast="d9ccb6", belly="e2d6c0", flank="c6a680",
        back="80776a", wing="5a5651", feather_edge="85807a", tail="514e4a", legs="4f5a66",
    ),
    Build(size=0.86, plumpness=1.08, head_radius=14.8, tail_length=33),
    Bill(0.5, 0.36, upper="1f1d1d", lower="2a2727"),
    FieldMarks(bib="1c1b1d"),
    juvenile=Dress({"crown": "35322f", "cheek": "e6dcb8", "breast": "dccfae", "flank": "c9b188", "back": "877c66"},
                   {"bib": "4a4540"}),
)  # fmt: skip
_LEAFLING = Species(
    "Citrine Leafling",
    "Leaflings",
    Plumage(
        crown="7f8a3c", nape="7b8743", cheek="bda93a", throat="dcbf4c", breast="d9be50", belly="e2cf72",
        vent="ece4b4", back="717a40", rump="8f9648", wing="47483a", feather_edge="8f9158", tail="4d4d3b",
        legs="b98d6e",
    ),
    Build(size=0.8, tail_length=31),
    Bill(0.7, 0.28, upper="4a3a2e", lower="a98658"),
    FieldMarks(eye_stripe="53542f"),
    female=Dress({"crown": "7c7f50", "nape": "7a7e52", "cheek": "b3a766", "throat": "d8cc8e", "breast": "d2c88c",
                      "belly": "e0d9ae", "back": "72754f", "rump": "858758"}),
    juvenile=Dress({"crown": "83805c", "nape": "807d5c", "cheek": "b5a97e", "throat": "ddd3ae", "breast": "d6cca6",
                        "belly": "e3ddc4", "back": "7b7858", "rump": "858260"}),
)  # fmt: skip
_HAZELTHRUSH = Species(
    "Plain Hazelthrush",
    "Hazelthrushes",
    Plumage(
        crown="745437", cheek="957554", throat="ece2cf", breast="e6cfa6", belly="efe7d8", flank="dcbd92",
        back="725338", wing="644730", feather_edge="91704a", tail="664a32", underwing="d8b483",
        legs="c09a82",
    ),
    Build(size=1.08, plumpness=1.03, tail_length=37, leg_length=13),
    Bill(0.8, 0.35, upper="4a392c", lower="b89460"),
    FieldMarks(malar_stripe="4a3424", breast_spots="3c2a1e"),
    juvenile=Dress({"crown": "7d6042", "back": "7d6146", "breast": "e2cda4", "coverts": "76593c",
                        "feather_edge": "b48f5e"}, {"back_streaks": "c69a62"}),
)  # fmt: skip
_DUSKLING = Species(
    "Ashen Duskling",
    "Dusklings",
    Plumage(
        crown="665f54", nape="6e675b", cheek="82796b", throat="d6cfc1", breast="c4baa9", belly="e6dfd2",
        back="6e665a", wing="48423b", feather_edge="8d8577", tail="4a443c", legs="2a2523",
    ),
    Build(size=0.84, head_radius=15.2, eye_radius=0.135, leg_length=9, posture=(30, 52)),
    Bill(0.62, 0.32, upper="28221e", lower="54463a"),
    juvenile=Dress({"crown": "74695a", "cheek": "8b7f6d", "breast": "c9bda6", "back": "786d5d",
                        "feather_edge": "b3a58c"}, {"back_streaks": "a5957b"}),
)  # fmt: skip
_HEDGEFINCH = Species(
    "Garnet Hedgefinch",
    "Hedgefinches",
    Plumage(
        crown="8c3138", nape="81464a", cheek="89403f", throat="a23f47", breast="b0636a", belly="e4d5cc",
        flank="d2b0a5", rump="99464a", back="77574d", wing="483b37", feather_edge="94756a", tail="4a3b37",
        legs="7a5a4c",
    ),
    Build(size=0.92, plumpness=1.04, head_radius=14.4, tail_notch=0.12),
    Bill(0.62, 0.68, upper="83705f", lower="9a8474"),
    FieldMarks(back_streaks="4b352f"),
    female=Dress({"crown": "766451", "nape": "7a6956", "cheek": "8f7c66", "throat": "d3c5b0", "breast": "cdbda6",
                      "belly": "e4dacb", "flank": "cfbfa9", "rump": "83705a", "back": "786655", "wing": "4a4038",
                      "feather_edge": "a08c74"}),
    juvenile=Dress({"crown": "827058", "nape": "857460", "cheek": "9a8870", "throat": "d8ccb8", "breast": "d4c5ac",
                        "belly": "e6ddd0", "flank": "d4c6b0", "rump": "8d7a63", "back": "84725e",
                        "feather_edge": "b39e82"}),
)  # fmt: skip

SPECIES: tuple[Species, ...] = (
    _MARSHDUCK,
    _SHORELET,
    _SHORELET.look_alike("Banded Shorelet", breast_band="2b2320"),
    _STREAMDART,
    _BARKCHISEL,
    _WINDFALCON,
    _WINDFALCON.look_alike("Moustached Windfalcon", malar_stripe="2c2b2c"),
    _SILKCREST,
    _CAPLING,
    _CAPLING.look_alike("Frostwing Capling", wing_panel="efebe2"),
    _LEAFLING,
    _LEAFLING.look_alike("Barred Leafling", wing_bars="f1ecd6"),
    _HAZELTHRUSH,
    _HAZELTHRUSH.look_alike("Browed Hazelthrush", supercilium="f3ead4"),
    _DUSKLING,
    _DUSKLING.look_alike("Ringed Duskling", eye_ring="f8f5ea"),
    _HEDGEFINCH,
    _HEDGEFINCH.look_alike("Streaked Hedgefinch", flank_streaks="3f2422"),
)
"""All species, in the order of the field guide; the alphabetical order of folders is another."""
