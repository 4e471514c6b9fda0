"""Names that people's programs have for hyperparameters, and the paths of a spec."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from services.translation import readings
from services.translation.entry_names import plain
from services.translation.readings import Reader

MIN_RATE = 1e-8  # the least learning rate


@dataclass(frozen=True)
class Destination:
    """Where a parameter goes: the first of `paths` that the chosen model or optimizer has.

    `least` and `most` bound what can stand there. `note` says what is not certain or differs: at `note_at`,
    or at each path where that is empty. `usual` stands for a switch that is on.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]
    read: Reader
    whole: bool = False
    least: float = 0.0
    most: float = math.inf
    note: str = ""
    note_at: str = ""
    usual: float | None = None

    @property
    def numeric(self) -> bool:
        """Whether a range of numbers can stand there."""
        return self.whole or self.read in (readings.number, readings.kept, readings.bound)


def _target(names: str, paths: str, read: Reader, **more: Any) -> Destination:
    return Destination(tuple(names.split()), tuple(paths.split()), read, **more)


def _entry(names: str, path: str) -> Destination:
    return _target(names, path, readings.named(path))


def _number(names: str, paths: str, **more: Any) -> Destination:
    return _target(names, paths, readings.number, **more)


def _whole(names: str, paths: str, read: Reader = readings.whole, **more: Any) -> Destination:
    return _target(names, paths, read, whole=True, **{"least": 1, **more})


LAYERS = "read as the model's depth: blocks of cnn, hidden layers of mlp, weighted layers of residual nets"
BLOCK = "the maps of the first block, or of each where it is a list; model.blocks makes more blocks"
DECAY = "scope: all: torch adds it to the gradient of biases and normalization as well"
KEPT = "the file has the share that is kept; 1 minus it here"
CLIPPED = "read as a limit of the norm; train.clip_value limits each number of the gradient"
POOLS = {
    "max": "max",
    "maxpool": "max",
    "avg": "average",
    "average": "average",
    "avgpool": "average",
    "none": "none",
}
PRECISIONS = {
    "fp32": "float32", "32": "float32", "float32": "float32", "fp64": "float64", "64": "float64",
    "float64": "float64", "bf16": "bfloat16", "bfloat16": "bfloat16", "tf32": "tf32",
}  # fmt: skip
OPTIMIZER: tuple[Destination, ...] = (
    _entry("optimizer optim opt optimizername optimizertype optimname solver", "train.optimizer"),
    _number(
        "lr learningrate baselr initlr initiallr lrinit learningrateinit maxlr eta0 optimizerlr",
        "train.optimizer.lr", least=MIN_RATE,
    ),
    _number("momentum sgdmomentum optimizermomentum", "train.optimizer.momentum", most=0.9999),
    _target("nesterov usenesterov", "train.optimizer.nesterov", readings.yes_no),
    _number("dampening", "train.optimizer.dampening"),
    _number("beta1 adambeta1 b1", "train.optimizer.beta1", most=0.9999),
    _number("beta2 adambeta2 b2", "train.optimizer.beta2", most=0.999999),
    _number("eps epsilon adamepsilon adameps", "train.optimizer.eps", least=1e-16),
    _number("rho rmspropalpha rmsproprho", "train.optimizer.rho", most=0.99999),
    _number(
        "weightdecay wd optimizerweightdecay", "train.optimizer.weight_decay train.l2.strength",
        note=DECAY, note_at="train.l2.strength",
    ),
    _number("l2 l2reg l2regularization l2penalty l2lambda", "train.l2.strength"),
    _number("l1 l1reg l1regularization l1penalty l1lambda", "train.l1"),
    _number("maxnorm maxnormconstraint", "train.max-norm"),
    _entry("loss lossfn lossfunction criterion", "train.loss"),
    _number("labelsmoothing smoothing lsmoothing", "train.loss.smoothing", most=0.9999),
    _number("focalgamma", "train.loss.gamma"),
    _target("classweights classweight lossweights", "train.loss.class_weights", readings.class_weights),
)  # fmt: skip
TRAINING: tuple[Destination, ...] = (
    _whole(
        "batchsize batch bs trainbatchsize minibatchsize batchsizetrain trainbs perdevicetrainbatchsize",
        "train.batch_size", readings.batch,
    ),
    _whole(
        "epochs epoch numepochs nepochs maxepochs numtrainepochs trainepochs maxnumepochs", "train.epochs"
    ),
    _target(
        "clipnorm gradclip gradclipnorm gradientclipnorm maxgradnorm clipgradnorm gradientclipval",
        "train.clip_norm", readings.bound, least=1e-12, note=CLIPPED,
    ),
    _target("clipvalue gradclipvalue clipgradvalue", "train.clip_value", readings.bound, least=1e-12),
    _whole(
        "gradientaccumulationsteps gradientaccumulation accumulategradbatches gradaccumsteps gradaccum"
        " gradaccumulation accumgrad accumulationsteps accumsteps accumulate",
        "train.accumulate",
    ),
    _number("ema emadecay modelema modelemadecay", "train.ema", most=0.999999),
    _entry("scheduler lrscheduler schedule lrschedule schedulername schedulertype", "train.schedule"),
    _number("warmup warmupepochs numwarmupepochs lrwarmupepochs", "train.warmup", note="in epochs"),
    _target("warmupsteps numwarmupsteps warmupiters", "train.warmup", readings.steps),
    _number("gamma lrgamma stepgamma lrdecayfactor lrfactor", "train.schedule.factor", least=1e-6),
    _whole("stepsize lrstep lrstepsize decayevery decayepochs t0", "train.schedule.every"),
    _whole("tmult", "train.schedule.growth"),
    _target("milestones lrmilestones", "train.schedule.pieces", readings.pieces),
    _whole("tmax", "train.schedule.over"),
    _number("pctstart", "train.schedule.up", most=1.0),
    _number("divfactor", "train.schedule.div", least=0.1),
    _number("finaldivfactor", "train.schedule.final_div", least=1.0),
    _number("etamin minlr lrmin", "train.schedule.to"),
    _target("precision dtype", "train.precision", readings.word(PRECISIONS)),
)  # fmt: skip
MODEL: tuple[Destination, ...] = (
    _entry("model arch architecture net network backbone modelname modeltype", "model"),
    _entry("activation activationfn activationfunction act nonlinearity", "model.activation"),
    _number(
        "dropout dropoutrate dropoutp pdropout dropoutprob dropprob droprate dropoutprobability drop"
        " fcdropout dropoutfc densedropout headdropout",
        "model.dropout", most=1.0,
    ),
    _target("keepprob keepprobability dropoutkeepprob", "model.dropout", readings.kept, note=KEPT),
    _number("convdropout dropoutconv blockdropout dropout2d spatialdropout", "model.block_dropout", most=1.0),
    _number("inputdropout dropoutinput dropin", "model.input_dropout", most=1.0),
    _whole(
        "filters numfilters nfilters convfilters numconvfilters numkernels nkernels maps featuremaps channels"
        " numchannels nchannels convchannels outchannels basechannels",
        "model.filters", readings.widths, note=BLOCK,
    ),
    _whole(
        "blocks numblocks nblocks convlayers numconvlayers nconvlayers nconv numconv convblocks",
        "model.blocks",
    ),
    _whole("numlayers nlayers layers depth numhiddenlayers", "model.blocks model.depth", note=LAYERS),
    _whole("kernel kernelsize convkernelsize convkernel filtersize convsize ksize", "model.kernel"),
    _whole("stride convstride", "model.stride"),
    _whole("pool poolsize poolingsize", "model.pool"),
    _target("pooling pooltype poolingtype", "model.pooling", readings.word(POOLS)),
    _target("norm batchnorm usebatchnorm bn usebn normalization normtype", "model.norm", readings.norm),
    _target("globalpooling globalaveragepooling gap usegap", "model.global_pooling", readings.average),
    _whole(
        "hidden hiddensize hiddendim hiddenunits hiddenlayersize hiddenlayersizes fclayersize fcsize"
        " fcunits fcdim dense denseunits densesize denseneurons denselayersize"
        " units numunits nunits nhidden numhidden linearsize neurons"
        " numneurons layersize",
        "model.hidden", readings.widths,
    ),
    _whole("widen widenfactor widthmultiplier widthfactor", "model.widen"),
)  # fmt: skip
DATA: tuple[Destination, ...] = (
    _entry("dataset data dataname datasetname", "data"),
    _number(
        "valsplit validationsplit valsize validationsize valfraction valratio", "data.validation", most=0.5
    ),
    _number("datafraction trainfraction fraction subset", "data.fraction", least=1e-6, most=1.0),
    _target("folds nfolds numfolds kfold kfolds", "data.folds", readings.folds, most=100),
    _number("mixup mixupalpha usemixup", "data.mixup", usual=0.2),
    _number("cutmix cutmixalpha usecutmix", "data.cutmix", usual=1.0),
    _number(
        "randomerasing erasing erasingprob randomerasingprob reprob userandomerasing", "data.random-erasing",
        most=1.0, usual=0.25,
    ),
    _number(
        "hflip hflipprob horizontalflip randomhorizontalflip usehflip flip flipprob randomflip useflip",
        "data.flip", most=1.0, usual=0.5,
    ),
    _whole("croppadding randomcroppadding randomcrop", "data.pad-crop", least=0, most=64, usual=4),
    _number("brightness brightnessjitter", "data.brightness", most=1.0),
    _number("contrast contrastjitter", "data.contrast", most=1.0),
    _number("saturation saturationjitter", "data.saturation", most=1.0),
    _number("labelnoise noiserate", "data.label_noise", most=1.0),
    _whole("imagesize imgsize inputsize resize resolution", "data.resize"),
)  # fmt: skip
TARGETS = (*OPTIMIZER, *TRAINING, *MODEL, *DATA)
BY_NAME = {name: target for target in TARGETS for name in target.names}
SEED_NAMES = frozenset({"seed", "randomseed", "randomstate", "manualseed", "rngseed"})
REASONS = {
    "gpu gpus ngpu ngpus device cuda nocuda usecuda numworkers workers nworkers ngpuspertrial": (
        "workers choose devices and read data by themselves"
    ),
    "loginterval logdir savedir outputdir checkpointdir wandb verbose savemodel": (
        "results are in the API and in MLflow, files in the service's folder"
    ),
    "datadir dataroot datapath root download numclasses nclasses inchannels": "follows from the data set",
    "steps maxsteps numsteps iterations maxiter numiterations trainsteps": "train.epochs is the length",
    "patience earlystoppingpatience earlystop earlystopping": "stop has it: {name: plateau, patience: 3}",
    "amp fp16 mixedprecision useamp": "train.precision has bfloat16 and tf32, no float16",
    "testbatchsize valbatchsize evalbatchsize": "decides nothing but how images are measured",
    "padding colorjitter jitter augment augmentation randaugment autoaugment cutout": (
        "could mean several things: model.padding is of convolutions; data.pad-crop, flip, brightness, "
        "contrast, saturation, random-erasing, mixup and cutmix change images"
    ),
    "decay reg regularization lrdecay": (
        "could mean several things: train.l1, train.l2, train.weight-decay, or train.schedule"
    ),
}
WITHOUT = {name: why for names, why in REASONS.items() for name in names.split()}
NUMBERED = re.compile(
    r"(filter|channel|conv|kernel|hidden|fc|dense|unit|layer|dropout|drop|linear|pool|stride)"
)


def target(name: str) -> Destination | None:
    """Where a parameter of this name goes; of a dotted name, the end counts if the whole is not known."""
    return BY_NAME.get(plain(name), BY_NAME.get(plain(re.split(r"[./]", name)[-1])))


def without(name: str) -> str:
    """Why a name has no counterpart; empty if nothing is known of it."""
    for part in (plain(name), plain(re.split(r"[./]", name)[-1])):
        if part in WITHOUT:
            return WITHOUT[part]
    if re.search(r"\d", name) and NUMBERED.search(plain(name)):
        return (
            "is of one layer: here a list has the sizes of all, as model.filters: [[16, 32], [32, 64]], "
            "and one number is for all dropouts"
        )
    return ""


def is_seed(name: str) -> bool:
    """Whether a parameter is the seed of a program."""
    return plain(re.split(r"[./]", name)[-1]) in SEED_NAMES
