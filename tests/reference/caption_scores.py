"""BLEU, ROUGE-L and CIDEr-D of a corpus as plain loops over their equations."""

import math
from collections import Counter


def ngrams(words, length):
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]


def bleu(pairs, most):
    """Papineni et al.: brevity penalty times the geometric mean of the precisions."""
    precisions = []
    for length in range(1, most + 1):
        hits = total = 0
        for references, sentence in pairs:
            found = Counter(ngrams(sentence, length))
            for gram, count in found.items():
                hits += min(
                    count, max(ngrams(r, length).count(gram) for r in references)
                )
            total += sum(found.values())
        precisions.append(hits / total)
    said = sum(len(sentence) for _, sentence in pairs)
    wanted = sum(
        min((abs(len(r) - len(sentence)), len(r)) for r in references)[1]
        for references, sentence in pairs
    )
    penalty = 1 if said > wanted else math.exp(1 - wanted / said)
    return penalty * math.prod(precisions) ** (1 / most)


def rouge_l(pairs, beta=1.2):
    """Lin: the F measure of the longest common subsequence, its parts' best each."""

    def common(a, b):
        if not a or not b:
            return 0
        if a[-1] == b[-1]:
            return 1 + common(a[:-1], b[:-1])
        return max(common(a[:-1], b), common(a, b[:-1]))

    total = 0
    for references, sentence in pairs:
        lengths = [common(sentence, reference) for reference in references]
        precision = max(length / len(sentence) for length in lengths)
        recall = max(
            length / len(r) for length, r in zip(lengths, references, strict=True)
        )
        if precision and recall:
            total += (1 + beta**2) * precision * recall / (recall + beta**2 * precision)
    return total / len(pairs)


def cider(pairs, sigma=6.0):
    """Vedantam et al., equations 1 to 3 with D's clipping and penalty, times 10."""
    in_images = Counter()
    for references, _ in pairs:
        for length in range(1, 5):
            in_images.update({gram for r in references for gram in ngrams(r, length)})

    def vector(words, length):
        counts = Counter(ngrams(words, length))
        return {
            gram: count * math.log(len(pairs) / max(1, in_images[gram]))
            for gram, count in counts.items()
        }

    def norm(weights):
        return math.sqrt(sum(weight**2 for weight in weights.values()))

    total = 0
    for references, sentence in pairs:
        for length in range(1, 5):
            found = vector(sentence, length)
            for reference in references:
                true = vector(reference, length)
                product = sum(
                    min(weight, true.get(gram, 0)) * true.get(gram, 0)
                    for gram, weight in found.items()
                )
                sizes = norm(found) * norm(true)
                gap = len(sentence) - len(reference)
                penalty = math.exp(-(gap**2) / (2 * sigma**2))
                if sizes:
                    total += penalty * product / sizes / len(references) / 4
    return 10 * total / len(pairs)
