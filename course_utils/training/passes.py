"""One pass over a loader's batches, by one process or shared out over several, whole or broken off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from accelerate import Accelerator
from accelerate.data_loader import DataLoaderStateMixin
from torch import Tensor
from torch.utils.data import DataLoader

Batches = Iterable[tuple[Tensor, Tensor]]


class Pass:
    """The batches that this process gets, and how to put its rows together with those of the others."""

    def __init__(self, loader: Batches, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        plain = isinstance(loader, DataLoader) and not isinstance(loader, DataLoaderStateMixin)
        if plain and accelerator.num_processes > 1:
            loader = accelerator.prepare_data_loader(loader)
        self._loader = loader

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self._loader)

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes for the batch at hand, each picture once.

        Accelerate fills the last batch up with pictures from the first, so that every process gets as many;
        those are dropped again. ``gather_for_metrics`` would do the same for whatever loader was begun last,
        which after a pass that was broken off is not this one.

        Args:
            rows: (n, ...), a row for each picture of this process' batch.
        """
        shared = self._accelerator.num_processes > 1 and isinstance(self._loader, DataLoaderStateMixin)
        if not shared:
            return rows
        rows = self._accelerator.gather(rows)
        last = self._loader.end_of_dataloader and self._loader.remainder > 0
        return rows[: self._loader.remainder] if last else rows

    def end(self) -> None:
        """Tell Accelerate that the pass is over. A loader that was left in mid-pass never tells."""
        if isinstance(self._loader, DataLoaderStateMixin):
            self._loader.end()


@contextmanager
def one_pass(loader: Batches, accelerator: Accelerator) -> Iterator[Pass]:
    """A pass that ends properly, be it with the last batch, an error or Ctrl-C."""
    begun = Pass(loader, accelerator)
    try:
        yield begun
    finally:
        begun.end()
