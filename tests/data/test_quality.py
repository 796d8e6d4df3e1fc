import numpy as np
import pytest

from sightcheck.data.quality import mask_ssim, ssim


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (17, 15)).astype(np.uint8)
    return picture, np.clip(picture + rng.normal(0, 30, picture.shape), 0, 255).astype(np.uint8)


def slow_ssim_map(x, y):
    """Wang 2004, equations 13 to 16, one window at a time."""
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window /= window.sum()
    out = np.empty((x.shape[0] - 10, x.shape[1] - 10))
    for i, j in np.ndindex(out.shape):
        a, b = x[i : i + 11, j : j + 11].astype(float), y[i : i + 11, j : j + 11].astype(float)
        mean_a, mean_b = (window * a).sum(), (window * b).sum()
        var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
        covariance = (window * (a - mean_a) * (b - mean_b)).sum()
        c1, c2 = 6.5025, 58.5225
        out[i, j] = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
        out[i, j] /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return out


def test_ssim_equals_the_direct_sum(pair):
    mean, similarity = ssim(*pair)
    np.testing.assert_allclose(similarity, slow_ssim_map(*pair), rtol=1e-9)
    assert mean == pytest.approx(similarity.mean())
    assert 0.1 < mean < 0.95


def test_a_picture_is_like_itself(pair):
    assert ssim(pair[0], pair[0])[0] == pytest.approx(1)


def test_flat_pictures_follow_the_luminance_term():
    flat = [np.full((11, 11), value, np.uint8) for value in (100, 200)]
    assert ssim(*flat)[0] == pytest.approx((2 * 100 * 200 + 6.5025) / (100**2 + 200**2 + 6.5025))


def test_colour_is_compared_by_luma(pair):
    assert ssim(*(np.repeat(p[:, :, None], 3, 2) for p in pair))[0] == pytest.approx(ssim(*pair)[0])


def test_mask_ssim_is_the_full_map_over_the_mask(pair):
    mask = np.zeros(pair[0].shape, bool)
    mask[7, 6] = mask[0, 0] = True  # the corner lies where no window fits
    assert mask_ssim(*pair, mask) == pytest.approx(slow_ssim_map(*pair)[2, 1])
    assert np.isnan(mask_ssim(*pair, np.zeros_like(mask)))


def test_sizes_must_agree(pair):
    with pytest.raises(ValueError, match="equal sizes"):
        ssim(pair[0], pair[1][:-1])
    with pytest.raises(ValueError, match="at least 11"):
        ssim(pair[0][:10], pair[1][:10])
