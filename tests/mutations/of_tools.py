"""Wrong lines of the tools."""

from mutations.mutation import Mutation

MUTATIONS = [
    Mutation(
        "VOC: an object may be found twice",
        "tools/voc_scores.py",
        "hits.append((number, best) not in taken)",
        "hits.append(True)",
        "tools/test_voc_scores.py",
    ),
    Mutation(
        "captions are scored without one of their references",
        "tools/caption_scores.py",
        "[text for text in split[1:] if text]",
        "[text for text in split[1:] if text][:1]",
        "tools/test_caption_scores.py",
    ),
    Mutation(
        "a resumed training begins with the first epoch's data",
        "tools/runs/training.py",
        "train_batches = task.batches(first, epochs - first)",
        "train_batches = task.batches(0, epochs - first)",
        "tools/tasks/test_every_task.py",
    ),
    Mutation(
        "a checkpoint without what the optimizer keeps",
        "tools/runs/checkpoint.py",
        "found = [*model.variables, *model.optimizer.variables]",
        "found = [*model.variables]",
        "tools/tasks/test_every_task.py",
    ),
    Mutation(
        "the benchmark's loop of Python forgets which beam a word continues",
        "tools/benchmark/captioners.py",
        "said = said[parents]",
        "said = said.copy()",
        "tools/test_benchmark_captioners.py",
    ),
    Mutation(
        "Ctrl-C on JAX is forgotten",
        "tools/runs/interruption.py",
        "self.came = True",
        "self.came = False",
        "tools/runs/test_interruption.py",
    ),
    Mutation(
        "a run may be resumed for the epochs that it has",
        "tools/commands/train.py",
        "if epochs <= done:",
        "if epochs < done:",
        "tools/commands/test_train.py",
    ),
    Mutation(
        "evaluate counts batches in place of their entries",
        "tools/commands/evaluate.py",
        "counted += len(next(iter(pair[0].values())))",
        "counted += 1",
        "tools/tasks/test_every_task.py",
    ),
    Mutation(
        "clips: padding is trained",
        "tools/tasks/clips.py",
        "real = tf.reduce_any(clips != 0",
        "real = tf.reduce_any(clips >= 0",
        "tools/tasks/test_clips.py",
    ),
    Mutation(
        "the benchmark counts a loop inside of a loop once",
        "tools/benchmark/modules.py",
        "own = _iterations(line, around, computations) * inside",
        "own = _iterations(line, around, computations)",
        "tools/test_benchmark_modules.py",
    ),
    Mutation(
        "the benchmark lets loops side by side wait for each other",
        "tools/benchmark/modules.py",
        "depth[line.name] = before + own",
        "depth[line.name] = max(depth.values(), default=0) + own",
        "tools/test_benchmark_modules.py",
    ),
    Mutation(
        "a cache folder that the user chose is not kept",
        "tools/compiled.py",
        " or VARIABLE in os.environ:",
        ":",
        "tools/test_compiled.py",
    ),
]
