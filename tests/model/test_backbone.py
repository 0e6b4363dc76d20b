import pytest
import torch

from scene3d.config import load_config
from scene3d.model.backbone import SparseUNet
from scene3d.model.detector import Detector, DetectorConfig
from scene3d_ops import Lattice, SparseTensor


def make_input(channels: int, *, seed: int = 0, batch: int = 1) -> SparseTensor:
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, 12, (300, 4), generator=generator, dtype=torch.int32)
    index[:, 0] %= batch
    lattice, _ = Lattice.of(index)
    return SparseTensor(feature=torch.randn(len(lattice.index), channels, generator=generator), lattice=lattice)


def make_unet(channels: int = 3) -> SparseUNet:
    torch.manual_seed(0)
    return SparseUNet(channels, planes=(8, 8, 16, 16, 8), blocks=(1, 1, 1, 1)).eval()


def test_one_feature_per_voxel() -> None:
    x = make_input(3)
    assert make_unet()(x).shape == (len(x.feature), 8)


def test_scenes_of_a_batch_never_see_each_other() -> None:
    x = make_input(3, batch=2)
    first = x.lattice.index[:, 0] == 0
    changed = torch.where(first[:, None], x.feature, x.feature + 5)
    before, after = make_unet()(x), make_unet()(x.replace(changed))
    torch.testing.assert_close(before[first], after[first])
    assert not torch.allclose(before[~first], after[~first])


def test_a_scan_of_one_voxel_can_be_learnt_from_and_counts_for_no_average() -> None:
    unet = make_unet().train()
    before = {name: figure.clone() for name, figure in unet.named_buffers()}
    lattice, _ = Lattice.of(torch.zeros(1, 4, dtype=torch.int32))
    feature = unet(SparseTensor(feature=torch.ones(1, 3), lattice=lattice))
    feature.sum().backward()
    assert torch.isfinite(feature).all()
    assert all(torch.equal(figure, before[name]) for name, figure in unet.named_buffers())


def test_paper_preset_has_the_size_of_the_reference() -> None:
    config = load_config(DetectorConfig, "model/paper")
    unet = SparseUNet(3, planes=config.planes, blocks=config.blocks, stem_kernel=config.stem_kernel)
    assert sum(p.numel() for p in unet.parameters()) == pytest.approx(
        37.85e6, rel=0.005
    )  # Res16UNet34C without its head


def test_default_weights_fit_the_box() -> None:
    detector = Detector.from_config(DetectorConfig(classes=("a",) * 198))
    assert sum(v.numel() for v in detector.state_dict().values()) * 2 <= 12e6  # bytes in half precision


def test_planes_and_blocks_must_belong_together() -> None:
    with pytest.raises(ValueError, match="n levels need"):
        SparseUNet(3, planes=(8, 8, 8), blocks=(1, 1, 1))
