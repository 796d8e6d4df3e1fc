"""Are the joints and the parts of a body where they are said to be?"""

import dataclasses
import json
import os
import stat
import sys
import textwrap
import tracemalloc
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.errors import BrokenInstallation, Damaged, NotAFile, OverLimit, UsageError
from sightcheck.media import Sampling, pictures
from sightcheck.media.frames import display_times, sampled
from sightcheck.video.person import body, pose
from sightcheck.video.person.texture import RECIPES, spans

LEFT_OUT = [*pose.LEFT_FOOT, *pose.RIGHT_FOOT]


def person(x: float = 80, y: float = 10, height: float = 80) -> np.ndarray:
    """(25, 3): somebody who stands upright with the nose at (x, y); numbers in the order of BODY_25."""
    places = [
        (0, 0), (0, 0.15), (-0.1, 0.15), (-0.15, 0.3), (-0.15, 0.45), (0.1, 0.15), (0.15, 0.3), (0.15, 0.45), (0, 0.5),
        (-0.06, 0.5), (-0.06, 0.75), (-0.06, 1), (0.06, 0.5), (0.06, 0.75), (0.06, 1), (-0.02, -0.02), (0.02, -0.02),
        (-0.04, 0), (0.04, 0), (0.08, 1.04), (0.1, 1.04), (0.05, 1.02), (-0.08, 1.04), (-0.1, 1.04), (-0.05, 1.02),
    ]  # fmt: skip
    return np.array([(x + dx * height, y + dy * height, 0.9) for dx, dy in places])


def without(one: np.ndarray, joints: list[int]) -> np.ndarray:
    left = one.copy()
    left[joints] = 0
    return left


def write_keypoints(folder: Path, frames: list[list[np.ndarray]], name: str = "clip") -> Path:
    """People (25, 3) of each frame -> a folder as OpenPose writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, people in enumerate(frames):
        told = {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": one.ravel().tolist(),
                                            "face_keypoints_2d": []} for one in people]}  # fmt: skip
        (folder / f"{name}_{number:012}_keypoints.json").write_text(json.dumps(told))
    return folder


def found(folder: Path, count: int = 8, name: str = "clip") -> pose.Keypoints:
    return sandbox.run(pose.openpose, bytes(folder), name, np.arange(count))


def test_the_one_who_is_large_and_stays_is_followed(tmp_path: Path) -> None:
    walks = [person(60 + 2 * at) for at in range(8)]
    passes = [[person(120 - 4 * at, 40, 30)] if at < 5 else [] for at in range(8)]
    order = [[*passes[at], one] if at % 2 else [one, *passes[at]] for at, one in enumerate(walks)]
    seen = found(write_keypoints(tmp_path / "json", order))
    np.testing.assert_allclose(seen.points, np.stack(walks), atol=1e-4)
    assert (seen.persons, seen.source) == (2, "OpenPose")


def test_of_a_crowd_the_largest_are_followed(tmp_path: Path) -> None:
    crowd = [person(10 * at, 10, 20) for at in range(60)]
    seen = found(write_keypoints(tmp_path / "json", [[*crowd, person(300, 10, 80)]] * 2), 2)
    np.testing.assert_allclose(seen.points, np.stack([person(300, 10, 80)] * 2), atol=1e-4)
    assert seen.persons == pose.MAX_PERSONS


def test_nobody_and_false_alarms_are_nobody(tmp_path: Path) -> None:
    alarm = without(person(), list(range(4, 25)))
    seen = found(write_keypoints(tmp_path / "json", [[], [alarm], *[[]] * 6]))
    assert seen.persons == 0
    assert not seen.points.any()


def test_the_18_joints_of_coco_are_put_in_their_place(tmp_path: Path) -> None:
    whole = person()
    coco = whole[[0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]]
    seen = found(write_keypoints(tmp_path / "json", [[coco]] * 8))
    np.testing.assert_allclose(seen.points[0], without(whole, list(range(19, 25))), atol=1e-4)


def test_unsure_and_impossible_joints_are_absent(tmp_path: Path) -> None:
    one = person()
    one[4, 2], one[7, 0] = 0.05, 1e30
    assert np.flatnonzero(found(write_keypoints(tmp_path / "json", [[one]] * 8)).points[0, :, 2] == 0).tolist() == [
        4,
        7,
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("not json", Damaged),
        ("{}", Damaged),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', Damaged),
        ('{"people": [{"pose_keypoints_2d": ["x"]}]}', Damaged),
        ("[" * 100_000, Damaged),
        (" " * (pose.MAX_FILE_BYTES + 1), OverLimit),
    ],
)
def test_hostile_json_is_refused(tmp_path: Path, text: str, kind: type[Exception]) -> None:
    folder = write_keypoints(tmp_path / "json", [[person()]] * 8)
    (folder / "clip_000000000003_keypoints.json").write_text(text)
    with pytest.raises(kind, match="clip_000000000003_keypoints"):
        found(folder)


def test_the_files_of_the_clip_are_found(tmp_path: Path) -> None:
    write_keypoints(tmp_path / "one", [[person()]] * 8, "another name")
    write_keypoints(tmp_path / "two", [[person(10)]] * 8, "clip")
    write_keypoints(tmp_path / "two", [[person(50)]] * 8, "clip_2")
    write_keypoints(tmp_path / "all/clip", [[person(70)]] * 8, "clip")
    assert found(tmp_path / "one").points[0, 0, 0] == 80
    assert [found(tmp_path / "two", name=name).points[0, 0, 0] for name in ("clip", "clip_2")] == [10, 50]
    assert found(tmp_path / "all").points[0, 0, 0] == 70
    with pytest.raises(NotAFile, match="no OpenPose keypoints of other"):
        found(tmp_path / "two", name="other")
    with pytest.raises(NotAFile, match="cannot be read"):
        found(tmp_path / "nowhere")


def test_what_is_read_has_a_digest(tmp_path: Path) -> None:
    folder = write_keypoints(tmp_path / "json", [[person()]] * 2)
    before = pose.digest(folder, "clip")
    assert pose.digest(folder, "clip") == before
    write_keypoints(folder, [[person(90)]])
    assert pose.digest(folder, "clip") != before


def test_short_gaps_are_filled_and_long_ones_are_not() -> None:
    points = np.stack([person(60 + at) for at in range(20)]).astype(np.float32)
    lost = points.copy()
    lost[2:7, 0] = 0  # five frames
    lost[3:9, 4] = 0  # six
    lost[:3, 7] = 0
    lost[:, 24] = 0
    filled = body.filled(lost)
    np.testing.assert_allclose(filled[:, 0], points[:, 0], rtol=1e-5)
    assert not filled[3:9, 4].any()
    assert filled[[2, 9], 4].all()
    np.testing.assert_allclose(filled[:3, 7, 0], points[3, 7, 0])
    assert not filled[:, 24].any()


def test_boxes_lie_about_the_parts_and_inside_the_picture() -> None:
    points = np.stack([person(300, 40, 420)] * 2).astype(np.float32)
    seen = body.boxes(points, 512, 600)
    assert seen.present.all()
    middles = seen.corners[0] + np.array(body.SIDES)[:, None] / 2
    np.testing.assert_allclose(middles[0, 0], 300)
    assert seen.corners[0, 0, 1] == 0, "the face's box would leave the picture"
    wrist, elbow = points[0, 7, :2], points[0, 6, :2]
    np.testing.assert_allclose(middles[1], wrist + 0.33 * (wrist - elbow), atol=1)
    np.testing.assert_allclose(middles[3], points[0, list(pose.LEFT_FOOT), :2].mean(0), atol=1)


def test_half_a_body_has_no_feet_and_a_lost_hand_is_not_there() -> None:
    points = np.stack([without(person(300, 40, 420), [*LEFT_OUT, 6])] * 2).astype(np.float32)
    points[1] = without(points[1], [0])
    points[1, 4, 0] = 700  # outside the picture, as the hand is then
    seen = [body.boxes(one[None], 512, 600).present[0].tolist() for one in points]
    assert seen == [[True, False, True, False, False], [False] * 5]


def test_the_flow_gradient_is_where_motion_changes() -> None:
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (128, 192)).astype(np.uint8), (0, 0), 2)
    frames = np.stack([scene] * 4)
    for at in range(4):
        frames[at, 40:90, 60 + 3 * at : 110 + 3 * at] = scene[40:90, 60:110][::-1]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gradient = body.flow_gradient(frames[0], frames[1], flow)
    assert gradient[40:90, 55:65].mean() > 5 * gradient[5:25, 5:25].mean()
    assert not body.flow_gradient(frames[0], frames[0], flow).any()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip of 30 frames, 96 high, and OpenPose's folder of it."""
    folder = tmp_path_factory.mktemp("walk")
    path = write_video(folder / "clip.mp4", moving_picture(30), fps=25, crf="18")
    write_keypoints(folder / "json", [[without(person(70 + at / 2), [6])] for at in range(30)])
    return path, folder / "json"


def read(
    path: Path, folder: Path, frames: int = 10, overlap: int = 5, most: int = 0
) -> tuple[list[body.Body], body.Seen]:
    told: list[body.Body] = []
    return told, body.read(bytes(path), frames, overlap, most, told.append, folder)


def test_a_clip_is_read_into_its_parts(walk: tuple[Path, Path]) -> None:
    path, folder = walk
    told, seen = read(path, folder)
    assert [round(25 * one.times_s[0]) for one in told] == [0, 5, 10, 15, 20]
    assert (seen.source, seen.left_out) == ("OpenPose", 0)
    rgb = sandbox.run(pictures, bytes(path), Sampling(30, 25, None, None, 1), 512, round(512 * 160 / 96)).rgb
    grey, scale = cv2.cvtColor(rgb[27], cv2.COLOR_RGB2GRAY), 512 / 96
    left = round((70 + 27 / 2) * scale - 64)
    for one in told:
        assert one.present.all(axis=0).tolist() == [True, False, True, True, True]
        assert [cut.shape for cut in one.grey] == [cut.shape for cut in one.flow] == [(10, s, s) for s in body.SIDES]
        assert not one.grey[1].any()
        assert all(cut.any() for cut in one.flow[0])
    np.testing.assert_array_equal(told[4].grey[0][7], grey[:128, left : left + 128])
    np.testing.assert_array_equal(told[3].flow[2][5:], told[4].flow[2][:5])
    assert all(still.png.startswith(b"\x89PNG") for still in seen.stills)
    assert [round(25 * still.time_s) for still in seen.stills] == [5, 15, 25]


def test_joints_are_filled_across_what_is_read_at_once(
    walk: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = {5: 4, 12: 6, 22: 5}  # frame from which the nose is lost, and for how long
    away = {at + n for at, long in lost.items() for n in range(long)}
    folder = write_keypoints(
        tmp_path / "json", [[without(person(70 + at / 2), [0] if at in away else [])] for at in range(30)]
    )
    whole, _ = read(walk[0], folder, frames=30, overlap=0)
    assert np.flatnonzero(~whole[0].present[:, 0]).tolist() == list(range(12, 18))
    monkeypatch.setattr(body, "AT_ONCE", 3)
    parted, _ = read(walk[0], folder, frames=30, overlap=0)
    np.testing.assert_array_equal(parted[0].present, whole[0].present)
    for one, other in zip((*whole[0].grey, *whole[0].flow), (*parted[0].grey, *parted[0].flow), strict=True):
        np.testing.assert_array_equal(one, other)


def test_so_many_sequences_are_spread_over_a_clip_when_asked(walk: tuple[Path, Path]) -> None:
    path, folder = walk
    every, _ = read(path, folder)
    some, seen = read(path, folder, most=2)
    assert [round(25 * one.times_s[0]) for one in some] == [0, 20]
    assert seen.left_out == 3
    np.testing.assert_array_equal(some[1].grey[0], every[4].grey[0])
    assert read(path, folder, most=5)[1].left_out == 0


@pytest.mark.parametrize(
    ("seconds", "fps", "fifty", "thirty_two"),
    [(8, 25, 7, 11), (10, 25, 9, 14), (151, 25, 150, 234), (8, 30, 7, 11), (151, 50, 150, 234), (8, 10, 2, 4)],
)
def test_a_clip_gives_all_its_sequences(seconds: int, fps: int, fifty: int, thirty_two: int) -> None:
    times = sampled(np.arange(seconds * fps) / fps, body.FPS)
    for recipe, count in (("ldp-top", fifty), ("texture", thirty_two)):
        one = RECIPES[recipe]
        found = body.spans(times, one.frames, one.frames - one.overlap)
        assert found.shape == (count, 2)
        frame = body.Frame(0.0, False, np.ones(5, bool), (np.zeros((1, 1), np.uint8),) * 5, ())
        passed = (dataclasses.replace(frame, time_s=float(time), begins=not at) for at, time in enumerate(times))
        ended = [
            whole for _, whole in body.sequences(passed, one.frames, one.frames - one.overlap) if whole is not None
        ]
        assert [(whole.times_s[0], whole.times_s[-1]) for whole in ended] == [tuple(span) for span in found.tolist()]


def long_clip(folder: Path, seconds: int) -> tuple[Path, Path]:
    """A small clip of an even number of seconds, and OpenPose's folder of somebody in it whose face alone is seen."""
    folder.mkdir(exist_ok=True)
    path = write_video(folder / "clip.mp4", np.concatenate([moving_picture(50, 64, 48)] * (seconds // 2)), fps=25)
    alone = without(person(32, 12, 30), [6, 3, *LEFT_OUT])
    return path, write_keypoints(folder / "json", [[alone]] * (25 * seconds))


@pytest.mark.parametrize(("seconds", "count"), [(8, 7), (10, 9)])
def test_every_sequence_of_a_file_is_read(tmp_path: Path, seconds: int, count: int) -> None:
    path, folder = long_clip(tmp_path, seconds)
    told, _ = read(path, folder, 50, 25)
    assert len(told) == count
    assert len(spans(bytes(path), RECIPES["ldp-top"])) == count
    assert all(one.present[:, 0].all() for one in told)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process used at most")
def test_a_longer_clip_takes_no_more_memory(tmp_path: Path) -> None:
    def peaks(seconds: int) -> tuple[int, int, int]:
        """Most bytes that the process which decodes used, most that this one did for it, and the sequences read."""
        path, folder = long_clip(tmp_path / f"{seconds}", seconds)
        children, count = [0], 0

        def told(one: body.Body) -> None:
            nonlocal count
            count += 1
            children.append(max(map(peak, Path("/proc").glob("[0-9]*/status"))))

        tracemalloc.start()
        body.read(bytes(path), 50, 25, 0, told, folder)
        _, own = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return max(children), own, count

    def peak(status: Path) -> int:
        try:
            known = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            return 0  # it has ended
        mine = int(known["PPid"]) == os.getpid() and "VmHWM" in known
        return int(known["VmHWM"].split()[0]) << 10 if mine else 0

    short, long = peaks(8), peaks(24)
    assert (short[2], long[2]) == (7, 23)
    assert short[0] > 0
    frame = 3 * 512 * round(512 * 64 / 48)
    # the clip is 400 frames longer; what a process is given for those at once it may keep for a while
    assert long[0] < short[0] + 4 * body.AT_ONCE * frame
    assert long[1] < short[1] + 10 * frame


def test_a_run_that_begins_anew_gives_no_sequence_across() -> None:
    frame = body.Frame(0.0, False, np.ones(5, bool), (np.zeros((1, 1), np.uint8),) * 5, ())
    passed = [dataclasses.replace(frame, time_s=at / 25, begins=at in (0, 20)) for at in range(32)]
    ended = [whole.times_s[0] * 25 for _, whole in body.sequences(iter(passed), 10, 5) if whole is not None]
    assert ended == pytest.approx([0, 5, 10, 20])


def test_frames_are_numbered_by_their_place_where_their_rate_varies(tmp_path: Path) -> None:
    path = write_video(tmp_path / "still.mp4", moving_picture(12), fps=25)
    times = [0, 1, 2, 3, 9, 10, 11, 12, 20, 21, 22, 23]
    with av.open(str(path)) as given, av.open(str(tmp_path / "clip.mp4"), "w") as varied:
        stream = varied.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux(video=0) if packet.size]
        unit = sorted(packet.pts for packet in packets)[1]
        place = {packet.pts: at for at, packet in enumerate(sorted(packets, key=lambda one: one.pts))}
        for packet in packets:
            packet.pts, packet.stream = times[place[packet.pts]] * unit, stream
            packet.dts = min(packet.dts, packet.pts)
            varied.mux(packet)
    found = sandbox.run(display_times, bytes(tmp_path / "clip.mp4"))
    np.testing.assert_allclose(found, np.array(times) / 25, atol=1e-3)


def test_without_keypoints_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose, "python", lambda: None)
    with pytest.raises(pose.Unavailable):
        body.read(bytes(tmp_path / "nothing.mp4"), 10, 5, 0, lambda one: None)


def test_others_and_nobody_are_told(walk: tuple[Path, Path], tmp_path: Path) -> None:
    path, _ = walk
    two = write_keypoints(tmp_path / "two", [[person(), person(30, 20, 40)]] * 30)
    assert read(path, two)[1].limits == ("another person is seen beside the one whose body was measured",)
    with pytest.raises(body.NoBody, match="shows nobody that OpenPose sees"):
        read(path, write_keypoints(tmp_path / "none", [[]] * 30))


FAKE = """
import os, struct, sys, time
import numpy as np
assert sys.argv[1] == "-P" and sys.argv[2].endswith("pose_worker.py") and int(sys.argv[3]) > 0
print("noise", file=sys.stderr)
while header := sys.stdin.buffer.read(16):
    count, height, width, begins = struct.unpack("<4I", header)
    for at in range(count):
        frame = np.frombuffer(sys.stdin.buffer.read(height * width * 3), np.uint8).reshape(height, width, 3)
        joints = np.zeros((33, 3), "<f4")
        joints[:, 0], joints[:, 1], joints[:, 2] = np.arange(33) + begins, frame[0, 0, 0], 0.9
        joints[15] = (5, 5, 0.2)  # left wrist: hidden
        joints[16] = (width + 1, 5, 0.9)  # right wrist: outside
        sys.stdout.buffer.write(joints.tobytes())
        sys.stdout.buffer.flush()
        {then}
    sys.stdout.buffer.write(struct.pack("<f", 2))
    sys.stdout.buffer.flush()
"""


def interpreter(folder: Path, then: str = "pass") -> str:
    """A program that answers as Python with MediaPipe would."""
    script, program = folder / "fake.py", folder / "python"
    script.write_text(textwrap.dedent(FAKE.format(then=then)))
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def asked(frames: np.ndarray) -> pose.Keypoints:
    with pose.mediapipe() as ask:
        return ask(frames, True)


FRAMES = np.stack([np.full((48, 64, 3), at, np.uint8) for at in range(6)])


def test_joints_come_from_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_POSE_PYTHON", interpreter(tmp_path))
    with pose.mediapipe() as ask:
        first, seen = ask(FRAMES[:2], True), ask(FRAMES[2:], False)
    assert (seen.persons, seen.source) == (2, "MediaPipe Pose")
    assert (len(first.points), seen.points.shape) == (2, (4, 25, 3))
    np.testing.assert_array_equal(seen.points[:, 0, 1], np.arange(2, 6))
    np.testing.assert_array_equal(first.points[0, 0, 0], 1)  # it is told where a run begins
    # neck and middle of the hips lie between two; the wrists are not seen; no small toes
    assert seen.points[0, [1, 8], 0].tolist() == [11.5, 23.5]
    assert np.flatnonzero(seen.points[0, :, 2] == 0).tolist() == [4, 7, 20, 23]
    assert seen.points[0, [2, 5, 19, 21, 22, 24], 0].tolist() == [12, 11, 31, 29, 32, 30]


def test_a_pose_process_that_dies_stalls_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_POSE_PYTHON", interpreter(tmp_path, "sys.exit(1)"))
    with pytest.raises(BrokenInstallation, match=r"MediaPipe does not run in .*python"):
        asked(FRAMES)
    monkeypatch.setenv("SIGHTCHECK_POSE_PYTHON", interpreter(tmp_path, "os.kill(os.getpid(), 9)"))
    with pytest.raises(OverLimit, match="stopped by the system"):
        asked(FRAMES)
    monkeypatch.setenv("SIGHTCHECK_POSE_PYTHON", interpreter(tmp_path, "time.sleep(60)"))
    monkeypatch.setattr(pose, "LIMITS", sandbox.Limits(stall_s=1.0))
    with pytest.raises(OverLimit, match="took too long"):
        asked(FRAMES)
    monkeypatch.setenv("SIGHTCHECK_POSE_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(BrokenInstallation, match="does not start"):
        asked(FRAMES)
    monkeypatch.delenv("SIGHTCHECK_POSE_PYTHON")
    monkeypatch.setattr(pose, "find_spec", lambda name: None)
    with pytest.raises(pose.Unavailable, match=r"pip install 'sightcheck\[pose\]'"):
        asked(FRAMES)
    assert issubclass(pose.Unavailable, UsageError)


@pytest.mark.skipif(pose.python() is None, reason="MediaPipe is not installed")
def test_mediapipe_itself_sees_nobody_in_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (3, 128, 96, 3)).astype(np.uint8)
    seen = asked(noise)
    assert seen.persons == 0
    assert not seen.points.any()


@pytest.mark.parametrize(("height", "told"), [(100, "small, so its boxes"), (420, ""), (2000, "large, so its boxes")])
def test_a_body_of_another_size_is_told(walk: tuple[Path, Path], height: float, told: str, tmp_path: Path) -> None:
    one = person(80, 10, height * 96 / 512)
    folder = write_keypoints(tmp_path / "json", [[one]] * 30)
    limits = read(walk[0], folder)[1].limits
    assert told in " ".join(limits)
    assert len(limits) == bool(told)
