"""The detector learns, tells what is where, and refuses other shapes."""

import dataclasses

import numpy as np
import pytest
import torch

from dlbook import nn, optim
from dlbook.models import (
    DetectionLoss,
    Detections,
    Detector,
    box_iou,
    encode_boxes,
    grid_anchors,
)
from dlbook.runtime import generator
from dlbook.training import fit, mean_average_precision

CLASSES = 3


def small_detector(seed=0, **options):
    """Build a detector for images of 32 pixels with weights of its own seed."""
    sizes = {"num_classes": CLASSES, "image_size": 32, "anchor_sizes": (9.0, 14.0)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Detector(2, channels=(5, 7, 11), head_channels=13, **sizes | options)


def rectangles(count, seed=0):
    """Draw one or two bright rectangles an image, whose texture is their class."""
    draw = generator(seed)
    images = 0.1 * torch.randn(count, 2, 32, 32, generator=draw)
    targets = torch.zeros(count, 2, 5)
    targets[..., 0] = -1
    for row in range(count):
        for place in range(1 + row % 2):
            x, y = (torch.randint(0, 5, (2,), generator=draw) + 16 * place).tolist()
            width, height = torch.randint(8, 12, (2,), generator=draw).tolist()
            number = (row + place) % CLASSES
            inside = images[row, :, y : y + height, x : x + width]
            inside += torch.tensor([[2.0, 0], [0, 2], [2, 2]])[number].view(2, 1, 1)
            targets[row, place] = torch.tensor(
                [number, x, y, x + width, y + height], dtype=torch.float32
            )
    return images, targets


def train(model, data, steps, lr=0.01):
    optimizer = optim.AdamW(model.parameters(), lr=lr)
    loss = DetectionLoss(model.anchors, CLASSES)
    return fit(
        model,
        data,
        optimizer=optimizer,
        epochs=steps,
        loss=loss,
        metric=None,
        batch_size=len(data[0]),
        device="cpu",
        progress=False,
    )


class Scripted(Detector):
    """A detector that answers what it is told to."""

    def say(self, *entries):
        """Answer with (image, anchor, class, score, box) entries; else with nothing."""
        self.answer = torch.full((2, len(self.anchors), CLASSES + 4), -20.0)
        self.answer[..., CLASSES:] = 0
        for image, anchor, number, score, box in entries:
            self.answer[image, anchor, number] = torch.tensor(score).logit()
            wanted = encode_boxes(torch.tensor(box), self.anchors[anchor])
            self.answer[image, anchor, CLASSES:] = wanted
        return self

    def forward(self, input):
        assert not self.training
        return self.answer


def scripted(*entries):
    return Scripted(2, CLASSES, 32, (4,) * 3, 4, (9.0, 14.0)).say(*entries)


IMAGES = torch.zeros(2, 2, 32, 32)


def test_it_finds_all_objects_of_the_scenes_it_was_trained_on():
    images, targets = rectangles(4)
    model = small_detector()
    history = train(nn.to_torch(model), (images, targets), 150, lr=0.005)
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]
    found = model.detect(images)
    assert mean_average_precision(found, targets, CLASSES) == 1
    assert [len(answer) for answer in found] == [1, 2, 1, 2]
    for answer, truth in zip(found, targets, strict=True):
        best = box_iou(answer.boxes, truth[: len(answer), 1:]).max(dim=1)
        assert (best.values > 0.6).all()
        assert torch.equal(answer.classes, truth[best.indices, 0].long())


def test_the_loss_reaches_every_parameter():
    images, targets = rectangles(5)
    model = small_detector()
    DetectionLoss(model.anchors, CLASSES)(model(images), targets).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 1e-7, name


def test_torchs_layers_give_the_same_numbers_and_are_trained_together():
    images, targets = rectangles(5)
    ours = small_detector().double()
    theirs = nn.to_torch(ours)
    assert {type(layer).__module__.split(".")[0] for layer in theirs.head} == {"torch"}
    images, targets = images.double(), targets.double()
    torch.testing.assert_close(theirs(images), ours(images))
    train(theirs, (images, targets), 40)
    expected = ours.detect(images, score_threshold=0.2)
    assert sum(len(answer) for answer in expected) > 3
    for answer, other in zip(theirs.detect(images, 0.2), expected, strict=True):
        torch.testing.assert_close(answer.boxes, other.boxes)
        torch.testing.assert_close(answer.scores, other.scores)
        assert torch.equal(answer.classes, other.classes)


def test_at_first_every_class_has_the_prior_everywhere_and_boxes_are_the_anchors():
    model = small_detector(prior=0.03).eval()
    scores, offsets = model(rectangles(3)[0]).split([CLASSES, 4], dim=-1)
    torch.testing.assert_close(
        scores.sigmoid(), torch.full_like(scores, 0.03), rtol=0.2, atol=0
    )
    assert offsets.abs().max() < 0.2


def test_answers_stand_in_the_order_of_the_anchors():
    class Numbered(nn.Module):
        """Answers channel · 100 + row · 10 + column at every place."""

        def forward(self, features):
            numbers = 2 * (CLASSES + 4)
            channel, row, column = torch.meshgrid(
                torch.arange(numbers), torch.arange(4), torch.arange(4), indexing="ij"
            )
            return (100 * channel + 10 * row + column).expand(2, -1, -1, -1)

    model = small_detector()
    model.head = Numbered()
    answers = model(IMAGES).view(2, 4, 4, 2, CLASSES + 4)
    centres = ((model.anchors[:, :2] + model.anchors[:, 2:]) / 2).view(4, 4, 2, 2)
    for row, column, size, number in [(0, 0, 0, 0), (3, 1, 0, 5), (2, 3, 1, 6)]:
        channel = size * (CLASSES + 4) + number
        expected = 100 * channel + 10 * row + column
        assert (answers[:, row, column, size, number] == expected).all()
        place = [8 * column + 4, 8 * row + 4]
        assert centres[row, column, size].tolist() == place


def test_anchors_are_those_of_a_grid_of_the_last_layers_places():
    model = small_detector(anchor_ratios=(0.5, 2.0))
    expected = grid_anchors(32, 8, (9.0, 14.0), (0.5, 2.0))
    assert torch.equal(model.anchors, expected)
    assert model(IMAGES).shape == (2, 4 * 4 * 4, CLASSES + 4)
    assert "anchors" in dict(model.named_buffers())
    assert Detector(channels=(4, 6), image_size=24).anchors.shape == (6 * 6 * 2, 4)


def test_each_halving_is_two_convolutions_of_which_the_first_takes_two_steps():
    model = small_detector()
    layers = [type(layer) for layer in (*model.features, *model.head)]
    assert layers == 7 * [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] + [nn.Conv2d]
    convolutions = [model.features[place] for place in range(0, 18, 3)]
    assert [layer.stride for layer in convolutions] == 3 * [(2, 2), (1, 1)]
    assert [layer.out_channels for layer in convolutions] == [5, 5, 7, 7, 11, 11]


def test_what_is_said_is_what_is_detected_best_first():
    first, second = [3.0, 4, 12, 15], [20.0, 2, 30, 9]
    model = scripted((0, 3, 1, 0.6, first), (0, 9, 2, 0.9, second))
    answer, nothing = model.detect(IMAGES)
    torch.testing.assert_close(answer.boxes, torch.tensor([second, first]))
    torch.testing.assert_close(answer.scores, torch.tensor([0.9, 0.6]))
    assert answer.classes.tolist() == [2, 1]
    assert (len(answer), len(nothing)) == (2, 0)
    assert nothing.boxes.shape == (0, 4)
    assert nothing.classes.dtype == torch.int64


def test_only_scores_of_at_least_the_threshold_count():
    model = scripted((0, 3, 1, 0.4, [3.0, 4, 12, 15]), (1, 9, 2, 0.7, [1.0, 2, 9, 9]))
    assert [len(answer) for answer in model.detect(IMAGES)] == [0, 1]
    assert [len(answer) for answer in model.detect(IMAGES, 0.3)] == [1, 1]
    assert [len(answer) for answer in model.detect(IMAGES, 0.8)] == [0, 0]


def test_boxes_suppress_others_of_their_class_only():
    box, near = [4.0, 4, 14, 14], [4.0, 4, 14, 13]
    model = scripted(
        (0, 3, 1, 0.8, box), (0, 4, 1, 0.9, near), (0, 5, 2, 0.6, box)
    )  # overlaps of 0.9
    answer = model.detect(IMAGES)[0]
    assert answer.classes.tolist() == [1, 2]
    torch.testing.assert_close(answer.boxes, torch.tensor([near, box]))
    assert len(model.detect(IMAGES, iou_threshold=0.95)[0]) == 3


def test_the_most_detections_of_an_image_are_the_best():
    boxes = [[2.0 + 8 * i, 2, 8 + 8 * i, 9] for i in range(3)]
    model = scripted(*((0, i, i, 0.6 + 0.1 * i, box) for i, box in enumerate(boxes)))
    answer = model.detect(IMAGES, max_detections=2)[0]
    assert answer.classes.tolist() == [2, 1]


def test_boxes_end_at_the_images_border():
    model = scripted(
        (0, 3, 1, 0.8, [-5.0, -2, 40, 50]), (1, 3, 1, 0.8, [40.0, 1, 50, 9])
    )
    inside, outside = model.detect(IMAGES)
    assert inside.boxes.tolist() == [[0, 0, 32, 32]]
    assert outside.boxes.tolist() == [[32, 1, 32, 9]]


def test_detecting_changes_no_mode_and_no_statistics_and_keeps_no_gradient():
    model = small_detector().train()
    model.features[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    answer = model.detect(rectangles(3)[0], score_threshold=0)[0]
    assert not answer.scores.requires_grad
    assert model.training
    assert not model.features[1].training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_no_images_give_no_detections():
    assert small_detector().detect(IMAGES[:0]) == []


def test_detections_cannot_be_overwritten():
    answer = Detections(torch.zeros(0, 4), torch.zeros(0).long(), torch.zeros(0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.scores = torch.ones(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: small_detector()(IMAGES[:, :1]), r"\(batch, 2, 32, 32\), got \(2, 1"),
        (lambda: small_detector()(IMAGES[0]), r"got \(2, 32, 32\)"),
        (lambda: small_detector().detect(IMAGES[..., :30]), r"got \(2, 2, 32, 30\)"),
        (lambda: small_detector().detect(IMAGES, 1.5), "score_threshold .* got 1.5"),
        (lambda: small_detector().detect(IMAGES, 0.5, 2), "iou_threshold .* got 2"),
        (
            lambda: small_detector().detect(IMAGES, max_detections=0),
            "max_detections must be at least 1, got 0",
        ),
        (lambda: Detector(channels=()), "channels must hold .* got none"),
        (lambda: Detector(image_size=60), "multiple of the stride 8, got 60"),
        (lambda: Detector(prior=1), "prior must lie between 0 and 1, got 1"),
        (lambda: Detector(num_classes=0), "num_classes must be at least 1, got 0"),
        (lambda: Detector(in_channels=0), "in_channels must be at least 1, got 0"),
        (lambda: Detector(anchor_sizes=()), r"sizes .* got \(\)"),
    ],
)
def test_wrong_values_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_trained_detector_is_better_at_an_easy_overlap_than_at_a_hard_one():
    images, targets = rectangles(6)
    model = small_detector()
    train(model, (images, targets), 25)
    found = model.detect(images, score_threshold=0.05)
    values = [
        mean_average_precision(found, targets, CLASSES, (threshold,))
        for threshold in (0.3, 0.6, 0.95)
    ]
    assert values[0] >= values[1] >= values[2]
    assert values[0] > values[2]
    thresholds = np.array([0.3, 0.6, 0.95])
    together = mean_average_precision(found, targets, CLASSES, thresholds)
    assert together == pytest.approx(sum(values) / 3)
