"""Train a pre-defined model on your pictures. It needs torch 2.5 and torchvision; timm for names that torchvision lacks.

python finetune.py PICTURES [--train head]    PICTURES holds a folder for each class; the head alone is quick
python finetune.py PICTURES --model resnet18 --weights none --side 128 --epochs 100
python finetune.py PICTURES --model tf_efficientnet_lite0 --weights lite0.safetensors
python finetune.py bird.jpg --name model.pt   what is in this picture?
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

import torch
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from torchvision import datasets, models
from torchvision.transforms import v2

DEVICE = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
BF16 = torch.autocast("cuda", torch.bfloat16, DEVICE == "cuda" and torch.cuda.is_bf16_supported(False))
LAYOUT = torch.preserve_format if DEVICE == "mps" else torch.channels_last


def build(name, weights, side, classes):
    """A model with a new head, that head, and the transforms for training and evaluation."""
    file = {} if weights in ("DEFAULT", "none") else {"file": weights}
    if name in models.list_models(module=models):
        model = models.get_model(name, weights=weights if weights == "DEFAULT" else None)
        if file:
            model.load_state_dict(read(weights, torch.load, map_location="cpu", weights_only=True))
        p = models.get_model_weights(name).DEFAULT.transforms()
        side, share, way = side or p.crop_size[0], p.crop_size[0] / p.resize_size[0], p.interpolation
    else:
        import timm

        model = timm.create_model(name, pretrained=weights != "none", pretrained_cfg_overlay=file)
        p = Namespace(**timm.data.resolve_model_data_config(model))
        side, share, way = side or p.input_size[-1], p.crop_pct, v2.InterpolationMode(p.interpolation)
    linear = [part for part, module in model.named_modules() if isinstance(module, nn.Linear)]
    assert linear, f"{name} does not end in a linear layer. Choose another model."
    head = nn.Linear(model.get_submodule(linear[-1]).in_features, classes)
    model.set_submodule(linear[-1], head)
    numbers = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(p.mean, p.std)]
    new_view = v2.RandomResizedCrop(side, (0.5, 1), (0.8, 1.25), way), v2.RandomHorizontalFlip(), *numbers
    clean = v2.Resize(int(side / share), way), v2.CenterCrop(side), *numbers
    return model.to(DEVICE, memory_format=LAYOUT), head, v2.Compose(new_view), v2.Compose(clean)


def read(file, how=lambda file: ImageOps.exif_transpose(Image.open(file)).convert("RGB"), **options):
    try:
        return how(file, **options)
    except Exception as error:
        raise OSError(f"{file} can't be read ({type(error).__name__}): is it there, and whole?") from None


def answers_and_labels(model, pictures):
    with torch.no_grad(), BF16:
        rows = [(model.eval()(x.to(DEVICE)).float().cpu(), y) for x, y in DataLoader(pictures, 32)]
    return [torch.cat(column) for column in zip(*rows, strict=True)]


def train(args):
    torch.manual_seed(args.seed)
    only_head, scratch = args.train == "head", args.weights == "none"
    train, val = (datasets.ImageFolder(args.pictures, loader=read) for _ in range(2))
    print(counts := {name: val.targets.count(label) for label, name in enumerate(val.classes)})
    assert len(counts) > 1 and min(counts.values()) > 4, "Expected 2 or more folders of 5 or more pictures."
    order = sorted(torch.randperm(len(val)).tolist(), key=val.targets.__getitem__)  # class by class
    model, head, new_view, clean = build(args.model, args.weights, args.side, len(counts))
    train.transform, val.transform = clean if only_head else new_view, clean
    sets = Subset(train, [i for n, i in enumerate(order) if n % 5]), Subset(val, order[::5])
    if only_head:  # nothing below the head changes, so one pass over the pictures is enough
        head.forward = lambda features: features
        sets = [TensorDataset(*answers_and_labels(model, pictures)) for pictures in sets]
        del head.forward
    learner, best, lr = head if only_head else model, 0.0, args.lr or (1e-3 if scratch else 3e-3)
    body = set(learner.parameters()) - set(head.parameters())
    groups = [{"params": [*head.parameters()]}, {"params": [*body], "lr": lr / (1 if scratch else 10)}]
    optimizer = torch.optim.AdamW(groups, lr)
    loader = DataLoader(sets[0], args.batch, shuffle=True, drop_last=len(sets[0]) > args.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs * len(loader))
    for epoch in range(1, args.epochs + 1):
        for module in learner.modules():  # BatchNorm keeps the statistics that came with the weights
            module.training = scratch or not isinstance(module, nn.BatchNorm2d)
        for step, (x, y) in enumerate(loader, 1):
            with BF16:
                loss = nn.functional.cross_entropy(learner(x.to(DEVICE)), y.to(DEVICE), label_smoothing=0.1)
            assert loss.isfinite(), "The loss is no number any more. Try a smaller --lr."
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            print(f"\repoch {epoch}, {step / len(loader):4.0%}, loss {loss:.2f}", end="", flush=True)
        logits, labels = answers_and_labels(learner, sets[1])
        accuracy = (logits.argmax(1) == labels).float().mean().item()
        print(f", val accuracy {accuracy:.1%}")
        if accuracy >= best:
            best = accuracy
            torch.save({**vars(args), "classes": val.classes, "state": model.state_dict()}, args.out)
    print(f"{args.out} holds the best epoch: {best:.1%} of {len(labels)} val pictures are named rightly.")


def name_picture(args):
    saved = read(args.name, torch.load, map_location="cpu", weights_only=True)
    model, _, _, clean = build(saved["model"], "none", saved["side"], len(saved["classes"]))
    model.load_state_dict(saved["state"])
    share, number = model.eval()(clean(read(args.pictures))[None].to(DEVICE)).softmax(1)[0].max(0)
    print(f"{saved['classes'][number]} ({share.item():.0%})")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    words = {"train": "all", "model": "resnet50", "weights": "DEFAULT", "out": "model.pt", "name": ""}
    for name, value in {**words, "epochs": 25, "batch": 32, "side": 0, "seed": 0, "lr": 0.0}.items():
        choices = ["all", "head"] if name == "train" else None
        parser.add_argument(f"--{name}", type=type(value), default=value, choices=choices)
    try:
        name_picture(args) if (args := parser.parse_args()).name else train(args)
    except Exception as error:
        parser.exit(1, f"finetune.py: {' '.join(str(error).split()):.200}\n")
