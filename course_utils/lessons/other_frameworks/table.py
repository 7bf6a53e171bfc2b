"""The same steps in four libraries, a line of code each, on one page."""

from __future__ import annotations

import html
from pathlib import Path

from course_utils.notebook.notes import inline_html

COLUMNS = ("torchvision", "timm", "transformers", "Keras")

STEPS = {
    "Import": (
        "from torchvision import models",
        "import timm",
        "from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification as AutoClassifier",
        'os.environ["KERAS_BACKEND"] = "torch"; import keras',
    ),
    "The definition alone": (
        "model = models.mobilenet_v2(weights=None)",
        "model = timm.create_model(NAME, pretrained=False)",
        "model = AutoClassifier.from_config(AutoConfig.from_pretrained(NAME))",
        "model = keras.applications.MobileNetV2(weights=None)",
    ),
    "With weights": (
        'model = models.mobilenet_v2(weights="DEFAULT")',
        "model = timm.create_model(NAME, pretrained=True)",
        "model = AutoClassifier.from_pretrained(NAME)  # or a folder",
        'model = keras.applications.MobileNetV2(weights="imagenet")',
    ),
    "Where they come from": (
        "models.MobileNet_V2_Weights.DEFAULT.url  # kept in ~/.cache/torch",
        'model.pretrained_cfg["hf_hub_id"]  # kept in ~/.cache/huggingface',
        "model.name_or_path  # kept in ~/.cache/huggingface",
        "keras.utils.get_file(origin=URL)  # its own models do so; kept in ~/.keras",
    ),
    "What checks a download": (
        "torch.hub.load_state_dict_from_url(URL, check_hash=True)  # SHA-256, eight digits of it in the file's name",
        'huggingface_hub.hf_hub_download(model.pretrained_cfg["hf_hub_id"], "config.json")  # its length',
        'huggingface_hub.hf_hub_download(NAME, "config.json")  # its length',
        "keras.utils.get_file(origin=URL, file_hash=HASH)  # most models; MobileNetV2 names no hash",
    ),
    "Preprocessing": (
        "prepare = models.MobileNet_V2_Weights.DEFAULT.transforms()",
        "prepare = timm.data.create_transform(**timm.data.resolve_model_data_config(model))",
        "prepare = AutoImageProcessor.from_pretrained(NAME)",
        "prepare = keras.applications.mobilenet_v2.preprocess_input  # size the picture before",
    ),
    "An answer": (
        "logits = model.eval()(prepare(picture)[None])",
        "logits = model.eval()(prepare(picture)[None])",
        'logits = model(**prepare(picture, return_tensors="pt")).logits  # in eval mode',
        'shares = model.predict(prepare(np.array(picture.resize((224, 224)), "float32")[None]))  # has a softmax',
    ),
    "Categories": (
        'models.MobileNet_V2_Weights.DEFAULT.meta["categories"][logits.argmax()]',
        "timm.data.ImageNetInfo().index_to_description(logits.argmax().item())",
        "model.config.id2label[logits.argmax().item()]  # LABEL_0 ... after a new head",
        "keras.applications.mobilenet_v2.decode_predictions(shares, top=1)  # downloads the names",
    ),
    "A new head": (
        "model.classifier[1] = torch.nn.Linear(model.last_channel, CLASSES)",
        "model.reset_classifier(CLASSES)",
        "model = AutoClassifier.from_pretrained(NAME, num_labels=CLASSES, ignore_mismatched_sizes=True)",
        "model = keras.Sequential([keras.applications.MobileNetV2(include_top=False, pooling='avg'), "
        "keras.layers.Dense(CLASSES)])",
    ),
    "Freeze the rest": (
        "model.features.requires_grad_(False)",
        'timm.utils.freeze(model, [n for n, _ in model.named_children() if n != "classifier"])',
        "model.requires_grad_(False); model.timm_model.classifier.requires_grad_(True)",
        "model.layers[0].trainable = False  # before compile",
    ),
    "BatchNorm, frozen": (
        "model.train(); model.features.eval()  # after each train(), or its statistics move",
        "model.train()  # freeze has put FrozenBatchNorm in its place",
        "timm.layers.freeze_batch_norm_2d(model.timm_model)  # or its statistics move",
        "model(batch, training=True)  # rests by itself",
    ),
    "Train": (
        "optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)  # and a loop",
        "optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)  # and a loop",
        "Trainer(model, TrainingArguments(FOLDER, learning_rate=1e-3), train_dataset=rows).train()  # 5e-5 otherwise",
        'model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)); model.fit(batch, labels)',
    ),
    "Save": (
        'torch.save(model.state_dict(), "birds.pt")',
        'safetensors.torch.save_file(model.state_dict(), "birds.safetensors")',
        'model.save_pretrained("birds"); prepare.save_pretrained("birds")',
        'model.save("birds.keras")',
    ),
    "Load": (
        'model.load_state_dict(torch.load("birds.pt", weights_only=True))  # same definition',
        'model.load_state_dict(safetensors.torch.load_file("birds.safetensors"))  # same definition',
        'model = AutoClassifier.from_pretrained("birds")',
        'model = keras.saving.load_model("birds.keras")',
    ),
    "Layout": (
        "model(torch.zeros(1, 3, 224, 224))  # colours first",
        "model(torch.zeros(1, 3, 224, 224))  # colours first",
        "model(pixel_values=torch.zeros(1, 3, 224, 224))  # colours first",
        "model(np.zeros((1, 224, 224, 3)))  # colours last",
    ),
}
"""Of each step the lines in the order of :data:`COLUMNS`. From top to bottom, those of one library are a program, with
the usual imports besides."""

GIVEN = (
    "`NAME`: a model on the hub, such as `timm/mobilenetv2_100.ra_in1k` (for timm without `timm/`). `picture`: a photo, as "
    "Pillow opens it. `batch`: pictures, (N, 224, 224, 3). `labels`: numbers of their classes. `CLASSES`: how many. "
    "`rows`: dictionaries with `pixel_values` and `labels`. `URL`, `HASH`: a file, and its SHA-256. `FOLDER`: where the "
    "trainer writes. numpy (as np), os, torch, timm, safetensors.torch and huggingface_hub are imported, and Trainer and "
    "TrainingArguments from transformers. `timm_model` is the wrapper's; other models have other names."
)

# A notebook's own style aligns tables to the right, in columns of one width: only what stands in a tag wins against it.
_LEFT = "text-align:left;vertical-align:top;padding:1px 8px;border:0;background:none"
_CODE = "white-space:pre-wrap;overflow-wrap:anywhere;background:none;font-size:11px"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Two flavours in four libraries</title>
<style>
@page {{ size: A4 portrait; margin: 8mm; }}
body {{ font: 12px sans-serif; margin: 0; }}
h1 {{ font-size: 16px; }}
table {{ border-collapse: collapse; font-size: 10px; line-height: 1.15; }}
td {{ padding: 0 8px !important; }}
code {{ font-size: 9px !important; }}
</style></head>
<body><h1>Two flavours in four libraries</h1>
{table}
</body></html>
"""


def show_table(file: str | Path | None = None) -> None:
    """Show the table, or write it as a page of its own.

    Args:
        file: Where to write the page, which a browser shows and prints on one side of A4; None shows the table here.
    """
    if file is not None:
        Path(file).write_text(page(), encoding="utf-8")
        print(f"Written: {Path(file).resolve().name}. Open it in a browser, and print it.")
        return
    from IPython.display import display

    plain = "\n".join(
        f"{step}\n" + "\n".join(f"    {name:13} {line}" for name, line in zip(COLUMNS, lines, strict=True))
        for step, lines in STEPS.items()
    )
    display({"text/plain": plain, "text/html": _table()}, raw=True)


def page() -> str:
    """The table as a whole HTML page."""
    return _PAGE.format(table=_table())


def _table() -> str:
    groups = []
    for step, lines in STEPS.items():
        head = f'<th rowspan="{len(COLUMNS)}" scope="rowgroup" style="{_LEFT};width:14%">{html.escape(step)}</th>'
        rows = [
            f'<td style="{_LEFT};width:11%">{name}</td>'
            f'<td style="{_LEFT};width:75%"><code style="{_CODE}">{html.escape(line)}</code></td>'
            for name, line in zip(COLUMNS, lines, strict=True)
        ]
        groups.append(
            f'<tbody style="border-top:1px solid #999"><tr>{head}{"</tr><tr>".join(rows)}</tr></tbody>'
        )
    return f'<table style="width:100%;table-layout:auto">{"".join(groups)}</table><p>{inline_html(GIVEN)}</p>'
