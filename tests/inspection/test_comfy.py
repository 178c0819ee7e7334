"""ComfyUI's graphs: each value is read from the output backwards, or named as lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from promptlang import check
from promptlang.inspection import comfy
from promptlang.inspection.comfy import Reading
from promptlang.inspection.comfy.graph import NoGraphError

Graph = dict[str, dict[str, Any]]


def node(kind: str, **inputs: object) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


SETTINGS = {
    "steps": 20,
    "cfg": 7.5,
    "sampler_name": "dpmpp_2m",
    "scheduler": "karras",
    "denoise": 1.0,
}
LINKS = {
    "model": ["4", 0],
    "positive": ["6", 0],
    "negative": ["7", 0],
    "latent_image": ["5", 0],
}
LINE = (
    'a red fox --negative "blurry" --seed 3 --steps 20 --cfg 7.5 --sampler dpm++_2m'
    " --scheduler karras --size 512x768"
)


def graph(**changes: dict[str, Any]) -> Graph:
    """Return the graph that ComfyUI starts with; `n3` replaces node 3, or adds it."""
    nodes = {
        "3": node("KSampler", seed=3, **SETTINGS, **LINKS),
        "4": node("CheckpointLoaderSimple", ckpt_name="sd.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a red fox", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }
    return nodes | {name.removeprefix("n"): each for name, each in changes.items()}


def sampler(**changes: object) -> dict[str, Any]:
    return node("KSampler", **{"seed": 3, **SETTINGS, **LINKS, **changes})


def read(nodes: Graph) -> Reading:
    found = comfy.read(json.dumps(nodes))
    assert check(found.line) == ()
    return found


def facts(found: Reading) -> dict[str, str]:
    return dict(found.rows)


def lost(found: Reading, *words: str) -> bool:
    """Return whether one loss names all words."""
    return any(all(word in loss for word in words) for loss in found.lost)


def test_the_usual_graph_is_a_line_and_only_the_model_is_not_in_it() -> None:
    found = read(graph())
    assert found.line == LINE
    assert found.lost == ('without the model: `use model "sd.safetensors"`',)


def test_a_control_net_is_followed_and_named() -> None:
    control = node(
        "ControlNetApplyAdvanced",
        positive=["6", 0],
        negative=["7", 0],
        control_net=["11", 0],
        image=["12", 0],
        strength=0.8,
        start_percent=0.0,
        end_percent=1.0,
    )
    found = read(
        graph(
            n10=control,
            n11=node("ControlNetLoader", control_net_name="canny.pth"),
            n12=node("LoadImage", image="pose.png"),
            n3=sampler(positive=["10", 0], negative=["10", 1]),
        )
    )
    assert found.line == LINE
    assert lost(found, "ControlNetApplyAdvanced", "strength 0.8", "canny.pth", "pose.png")


def test_zeros_are_an_empty_negative_prompt() -> None:
    found = read(
        graph(
            n10=node("ConditioningZeroOut", conditioning=["6", 0]), n3=sampler(negative=["10", 0])
        )
    )
    assert "negative" not in facts(found)
    assert found.line == LINE.replace(' --negative "blurry"', "")
    assert lost(found, "ConditioningZeroOut")


def flux(**changes: dict[str, Any]) -> Graph:
    nodes = {
        "1": node("UNETLoader", unet_name="flux.safetensors", weight_dtype="default"),
        "2": node("DualCLIPLoader", clip_name1="t5.safetensors", clip_name2="l.safetensors"),
        "3": node("CLIPTextEncode", text="a fox", clip=["2", 0]),
        "4": node("FluxGuidance", guidance=3.5, conditioning=["3", 0]),
        "5": node("BasicGuider", model=["1", 0], conditioning=["4", 0]),
        "6": node("RandomNoise", noise_seed=77),
        "7": node("KSamplerSelect", sampler_name="euler"),
        "8": node("BasicScheduler", scheduler="beta", steps=20, denoise=1.0, model=["1", 0]),
        "9": node("EmptySD3LatentImage", width=1024, height=1024, batch_size=1),
        "10": node(
            "SamplerCustomAdvanced",
            noise=["6", 0],
            guider=["5", 0],
            sampler=["7", 0],
            sigmas=["8", 0],
            latent_image=["9", 0],
        ),
        "11": node("VAEDecode", samples=["10", 0], vae=["12", 0]),
        "12": node("VAELoader", vae_name="ae.safetensors"),
        "13": node("SaveImage", images=["11", 0]),
    }
    return nodes | {name.removeprefix("n"): each for name, each in changes.items()}


def test_a_custom_sampler_is_read_with_its_guider_noise_and_sigmas() -> None:
    found = read(flux())
    assert found.line == "a fox --seed 77 --steps 20 --cfg 1 --sampler euler --size 1024x1024"
    assert lost(found, "FluxGuidance", "guidance 3.5")
    assert lost(found, "scheduler `beta`")
    assert lost(found, "use vae", "ae.safetensors")


@pytest.mark.parametrize(
    ("sigmas", "words", "loss"),
    [
        (node("KarrasScheduler", steps=12, sigma_max=14.614642, sigma_min=0.0291675, rho=7.0),
         "--steps 12 --cfg 1 --sampler euler --scheduler karras", ""),
        (node("KarrasScheduler", steps=12, sigma_max=80.0, sigma_min=0.03, rho=7.0),
         "--scheduler karras", "sigma_max"),
        (node("ExponentialScheduler", steps=9, sigma_max=14.614642, sigma_min=0.0291675),
         "--steps 9 --cfg 1 --sampler euler --scheduler exponential", ""),
        (node("AlignYourStepsScheduler", model_type="SDXL", steps=10, denoise=1.0),
         "--steps 10", "AlignYourStepsScheduler"),
        (node("SDTurboScheduler", model=["1", 0], steps=1, denoise=1.0),
         "--steps 1 ", "SDTurboScheduler"),
    ],
)  # fmt: skip
def test_noise_levels_of_every_kind_are_read_or_named(
    sigmas: dict[str, Any], words: str, loss: str
) -> None:
    found = read(flux(n8=sigmas))
    assert words in found.line
    assert lost(found, loss)


def test_a_guider_with_guidance_has_its_scale_and_negative_prompt() -> None:
    guider = node("CFGGuider", model=["1", 0], positive=["4", 0], negative=["14", 0], cfg=4.5)
    found = read(flux(n5=guider, n14=node("CLIPTextEncode", text="bad", clip=["2", 0])))
    assert '--negative "bad" --seed 77 --steps 20 --cfg 4.5' in found.line


@pytest.mark.parametrize("seed", [1125899906842623, 2**63 - 1, 0])
def test_a_seed_keeps_all_its_digits(seed: int) -> None:
    assert f" --seed {seed} " in read(graph(n3=sampler(seed=seed))).line


def test_a_seed_that_no_option_takes_is_named() -> None:
    found = read(graph(n3=sampler(seed=2**64 - 1)))
    assert "--seed" not in found.line
    assert lost(found, "seed 18446744073709551615")


def test_whole_numbers_stay_whole() -> None:
    assert "--steps 20 --cfg 7 " in read(graph(n3=sampler(steps=20.0, cfg=7.0))).line


def test_texts_are_joined_as_the_nodes_do() -> None:
    found = read(
        graph(
            n6=node("CLIPTextEncode", text=["30", 0], clip=["4", 1]),
            n30=node("StringConcatenate", string_a="a red", string_b=["31", 0], delimiter=" "),
            n31=node("ImpactWildcardProcessor", wildcard_text="__x__", populated_text="fox"),
        )
    )
    assert found.line == LINE


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (node("Text Concatenate", delimiter=", ", clean_whitespace="true", text_a=" a ",
              text_b="", text_c="b"), "a, b"),
        (node("StringFunction|pysssss", action="append", tidy_tags="yes", text_a="a",
              text_b="b", text_c=""), "a, b"),
        (node("StringFunction|pysssss", action="replace", tidy_tags="no", text_a="a cat",
              text_b="cat", text_c="fox"), "a fox"),
        (node("StringReplace", string="a cat", find="cat", replace="fox"), "a fox"),
        (node("StringTrim", string="  a fox ", mode="Both"), "a fox"),
        (node("CaseConverter", string="A Fox", mode="lowercase"), "a fox"),
        (node("PrimitiveStringMultiline", value="a\nfox"), "a fox"),
        (node("ShowText|pysssss", text=["41", 0], text_0="old"), "b"),
        (node("JoinStringMulti", inputcount=2, string_1="a", string_2="b", delimiter="-"), "a-b"),
        (node("CR Text Concatenate", text1="a", text2="b", separator=" "), "a b"),
        (node("easy promptConcat", prompt1="a", prompt2="b", separator=" and "), "a and b"),
        (node("ImpactSwitch", select=2, input1="x", input2=["41", 0], sel_mode=False), "b"),
        (node("ComfySwitchNode", switch=False, on_true="x", on_false=["41", 0]), "b"),
        (node("Any Switch (rgthree)", any_01=["99", 0], any_02=["41", 0]), "b"),
    ],
)  # fmt: skip
def test_nodes_for_texts_are_evaluated(text: dict[str, Any], means: str) -> None:
    found = read(
        graph(
            n6=node("CLIPTextEncode", text=["40", 0], clip=["4", 1]),
            n40=text,
            n41=node("Text Multiline", text="b"),
        )
    )
    assert found.line == LINE.replace("a red fox", means)


def test_a_text_that_is_drawn_at_random_is_named() -> None:
    found = read(
        graph(
            n6=node("CLIPTextEncode", text=["40", 0], clip=["4", 1]),
            n40=node("Text Random Line", text=["41", 0], seed=5),
            n41=node("Text Multiline", text="a\nb"),
        )
    )
    assert lost(found, "Text Random Line", "seed 5")


def test_loras_of_loaders_and_stacks_are_tags_in_their_order() -> None:
    found = read(
        graph(
            n6=node("CLIPTextEncode", text="a red fox", clip=["32", 1]),
            n7=node("CLIPTextEncode", text="blurry", clip=["32", 1]),
            n3=sampler(model=["31", 0]),
            n31=node("LoraLoaderModelOnly", model=["32", 0], lora_name="m.pt", strength_model=0.6),
            n32=node(
                "Power Lora Loader (rgthree)",
                model=["33", 0],
                clip=["33", 1],
                lora_1={"on": True, "lora": "x\\ink.safetensors", "strength": 0.7},
                lora_2={"on": False, "lora": "off.safetensors", "strength": 1},
                lora_3={"on": True, "lora": "two.safetensors", "strength": 1, "strengthTwo": 0.5},
            ),
            n33=node("CR Apply LoRA Stack", model=["4", 0], clip=["4", 1], lora_stack=["34", 0]),
            n34=node(
                "CR LoRA Stack",
                switch_1="On",
                lora_name_1="wash.safetensors",
                model_weight_1=0.5,
                clip_weight_1=0.25,
                switch_2="Off",
                lora_name_2="off.safetensors",
                model_weight_2=1.0,
                clip_weight_2=1.0,
                lora_stack=["35", 0],
            ),
            n35=node(
                "LoRA Stacker",
                input_mode="simple",
                lora_count=1,
                lora_name_1="first.safetensors",
                lora_wt_1=0.9,
                model_str_1=1.0,
                clip_str_1=1.0,
                lora_name_2="beyond.safetensors",
                lora_wt_2=0.9,
            ),
        )
    )
    tags = "<lora:first:0.9> <lora:wash:0.25:0.5> <lora:ink:0.7> <lora:two:0.5:1> <lora:m:0:0.6>"
    assert found.line == LINE.replace("a red fox", f"a red fox {tags}")


def test_loras_in_a_text_are_those_that_the_node_loads() -> None:
    encode = node(
        "ImpactWildcardEncode",
        model=["4", 0],
        clip=["4", 1],
        wildcard_text="a __x__ fox",
        populated_text="a red fox <lora:ink:0.8:0.5>",
        mode=True,
    )
    negative = node("CLIPTextEncode", text="blurry", clip=["6", 1])
    found = read(graph(n6=encode, n7=negative, n3=sampler(model=["6", 0], positive=["6", 2])))
    assert found.line == LINE.replace("a red fox", "a red fox <lora:ink:0.5:0.8>")


def test_lora_managers_list_is_read() -> None:
    loras = [
        {"name": "ink", "strength": "0.8", "active": True, "clipStrength": 0.5},
        {"name": "off", "strength": 1, "active": False},
    ]
    loader = node(
        "Lora Loader (LoraManager)",
        model=["4", 0],
        clip=["4", 1],
        text="<lora:ink:0.8>",
        loras={"__value__": loras},
    )
    texts = {
        f"n{number}": node("CLIPTextEncode", text=text, clip=["10", 1])
        for number, text in ((6, "a red fox"), (7, "blurry"))
    }
    found = read(graph(**texts, n10=loader, n3=sampler(model=["10", 0])))
    assert found.line == LINE.replace("a red fox", "a red fox <lora:ink:0.5:0.8>")


def test_samplers_whose_latents_are_put_into_the_picture_are_named_with_their_texts() -> None:
    found = read(
        graph(
            n8=node("VAEDecode", samples=["10", 0], vae=["4", 2]),
            n10=node("LatentComposite", samples_to=["3", 0], samples_from=["11", 0], x=8, y=8),
            n11=sampler(seed=44, positive=["12", 0]),
            n12=node("CLIPTextEncode", text="a hidden crow", clip=["4", 1]),
        )
    )
    assert found.line == LINE
    assert lost(found, "LatentComposite", "x 8")
    assert lost(found, "KSampler", "seed 44")
    assert lost(found, "a hidden crow")


def test_samplers_have_the_names_of_comfyuis_first_weeks_too() -> None:
    assert read(graph(n3=sampler(sampler_name="sample_dpmpp_2m"))).line == LINE


def test_combined_prompts_are_averaged_and_concatenated_ones_broken() -> None:
    found = read(
        graph(
            n3=sampler(positive=["10", 0]),
            n10=node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["11", 0]),
            n11=node("ConditioningConcat", conditioning_to=["12", 0], conditioning_from=["7", 0]),
            n12=node("CLIPTextEncode", text="b", clip=["4", 1]),
        )
    )
    assert found.line.startswith("a red fox :0.5 AND b BREAK blurry :0.5 --negative")
    assert facts(found)["prompt"] == "a red fox AND b BREAK blurry"


def test_areas_beside_each_other_are_areas() -> None:
    halves = {
        f"n1{place}": node(
            "ConditioningSetArea", conditioning=[text, 0], width=256, height=768, x=x, y=0,
            strength=1.0,
        )
        for place, text, x in ((0, "6", 0), (1, "7", 256))
    }  # fmt: skip
    found = read(
        graph(
            **halves,
            n12=node("ConditioningCombine", conditioning_1=["10", 0], conditioning_2=["11", 0]),
            n3=sampler(positive=["12", 0]),
        )
    )
    assert found.line.startswith(
        "<area:0,0.5,0,1> a red fox :1 AND <area:0.5,1,0,1> blurry :1 --negative"
    )
    assert len(found.lost) == 1


def hires(**changes: object) -> Graph:
    second = {"seed": 2, "steps": 10, "denoise": 0.5, "latent_image": ["21", 0], **changes}
    return {"20": sampler(**second)} | graph(
        n21=node("LatentUpscaleBy", samples=["3", 0], upscale_method="bislerp", scale_by=1.5),
        n8=node("VAEDecode", samples=["20", 0], vae=["4", 2]),
    )


def test_the_second_pass_of_a_hires_graph_is_an_option_wherever_it_stands() -> None:
    found = read(hires())
    assert found.line == f"{LINE} --hires 1.5 --strength 0.5"
    assert lost(found, "second pass's own seed 2")
    assert not lost(found, "steps")
    assert lost(read(hires(steps=17)), "second pass's own", "steps 17")


def test_of_two_saved_pictures_the_size_of_the_file_tells_which_it_is() -> None:
    nodes = hires() | {
        "30": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "31": node("SaveImage", filename_prefix="small", images=["30", 0]),
    }
    small, large = (comfy.read(json.dumps(nodes), size) for size in ((512, 768), (768, 1152)))
    assert small.line == LINE
    assert lost(small, "another picture", "node 9")
    assert large.line == f"{LINE} --hires 1.5 --strength 0.5"
    assert lost(large, "another picture", "small")


def test_different_texts_for_two_encoders_are_both_shown() -> None:
    encode = node("CLIPTextEncodeSDXL", clip=["4", 1], text_g="a red fox", text_l="in ink")
    found = read(graph(n6=encode))
    assert found.line == LINE
    assert facts(found)["prompt, text_l"] == "in ink"
    assert lost(found, "text_l", "in ink")


def test_a_refiner_is_named() -> None:
    shared = {**SETTINGS, **LINKS, "steps": 25}
    del shared["denoise"]
    base = node(
        "KSamplerAdvanced",
        **shared,
        add_noise="enable",
        noise_seed=7,
        start_at_step=0,
        end_at_step=20,
        return_with_leftover_noise="enable",
    )
    refiner = node(
        "KSamplerAdvanced",
        **{**shared, "model": ["22", 0], "latent_image": ["20", 0]},
        add_noise="disable",
        noise_seed=0,
        start_at_step=20,
        end_at_step=10000,
        return_with_leftover_noise="disable",
    )
    found = read(
        graph(
            n20=base,
            n21=refiner,
            n22=node("CheckpointLoaderSimple", ckpt_name="refiner.safetensors"),
            n8=node("VAEDecode", samples=["21", 0], vae=["4", 2]),
        )
    )
    assert "--seed 7 --steps 25" in found.line
    assert lost(found, "later sampling pass", "node 21")
    assert lost(found, "range of steps", "0 to 20")


def test_an_initial_picture_and_a_batch_are_named() -> None:
    found = read(
        graph(
            n5=node("VAEEncode", pixels=["40", 0], vae=["4", 2]),
            n40=node("LoadImage", image="photo.png"),
            n3=sampler(denoise=0.6),
        )
    )
    assert lost(found, "photo.png", "--init")
    assert lost(found, "denoise 0.6")
    batch = node("EmptyLatentImage", width=512, height=768, batch_size=4)
    assert lost(read(graph(n5=batch)), "batch_size 4")


def test_nodes_that_are_not_connected_change_nothing() -> None:
    found = read(
        graph(
            n0=sampler(seed=99),
            n50=node("LoraLoader", lora_name="no.safetensors", strength_model=1, strength_clip=1),
            n51=node("EmptyLatentImage", width=64, height=64, batch_size=9),
        )
    )
    assert found == read(graph())


def test_a_node_of_unknown_class_is_named_with_its_values() -> None:
    found = read(
        graph(
            n6=node("FancyEncode", text="a red fox", clip=["4", 1], twist=0.25),
            n8=node("FancyDecode", samples=["3", 0]),
            n3=sampler(seed=["60", 0]),
            n60=node("FancySeed", seed=5),
        )
    )
    assert found.line == LINE.replace(" --seed 3", "")
    assert lost(found, "FancyEncode", "twist 0.25")
    assert lost(found, "FancyDecode")
    assert lost(found, "FancySeed", "seed 5")


def test_a_sampler_of_unknown_class_is_read_by_names_and_named() -> None:
    unknown = {**sampler(sampler_name="res_2m"), "class_type": "ClownsharKSampler_Beta"}
    found = read(graph(n3=unknown))
    assert found.line == LINE.replace(" --sampler dpm++_2m", "")
    assert lost(found, "ClownsharKSampler_Beta", "unknown")
    assert lost(found, "res_2m")


def test_other_nodes_of_unknown_class_are_read_by_names_and_named() -> None:
    found = read(
        flux(
            n5=node("NoveltyGuider", model=["1", 0], positive=["4", 0], cfg=2.5, twist=1),
            n6=node("NoveltyNoise", noise_seed=78),
            n8=node("NoveltyScheduler", steps=9),
            n9=node("NoveltyLatent", width=640, height=512),
        )
    )
    assert found.line == "a fox --seed 78 --steps 9 --cfg 2.5 --sampler euler --size 640x512"
    for kind in ("NoveltyGuider", "NoveltyNoise", "NoveltyScheduler", "NoveltyLatent"):
        assert lost(found, kind)


def test_loaders_and_samplers_that_bundle_values_are_followed() -> None:
    easy = {
        "1": node(
            "easy fullLoader",
            ckpt_name="sd.safetensors",
            vae_name="Baked VAE",
            clip_skip=-2,
            lora_name="ink.safetensors",
            lora_model_strength=1.0,
            lora_clip_strength=0.5,
            resolution="512 x 768",
            empty_latent_width=64,
            empty_latent_height=64,
            positive="a fox",
            negative=["5", 0],
            batch_size=1,
        ),
        "2": node("easy preSampling", pipe=["1", 0], seed=9, **SETTINGS),
        "3": node("easy kSampler", pipe=["2", 0], image_output="Preview"),
        "4": node("PreviewImage", images=["3", 1]),
        "5": node("easy negative", negative="bad"),
    }
    assert read(easy).line == (
        'a fox <lora:ink:0.5:1> --negative "bad" --seed 9 --steps 20 --cfg 7.5'
        " --sampler dpm++_2m --scheduler karras --size 512x768 --clip-skip 2"
    )


@pytest.mark.parametrize(
    "nodes",
    [
        {"1": {"class_type": "KSampler"}},
        {"1": {"inputs": {"positive": ["1", 0], "negative": ["1", 0]}}},
        {"1": node("SaveImage", images=["2", 0]), "2": node("VAEDecode", samples=["2", 0])},
        {"1": node("SaveImage", images=["9", 0]), "x": 5, "y": None, "z": {"class_type": None}},
        {"1": {"class_type": ["a"], "inputs": [1], "is_changed": [float("nan")]}},
        {"1": node("KSampler", **LINKS, seed=float("nan"), steps=1e308, cfg=float("inf"))},
        {"1": node("KSampler", positive=[["a"], 0], negative={"a": 1}, seed=True, cfg="x")},
    ],
)
def test_a_damaged_graph_is_read_as_far_as_it_goes(nodes: Graph) -> None:
    try:
        found = comfy.read(json.dumps(nodes))
    except NoGraphError:
        return
    assert check(found.line) == ()


def test_a_remark_of_the_server_that_is_no_number_is_no_matter() -> None:
    nodes = graph()
    nodes["3"]["is_changed"] = [float("nan")]
    assert read(nodes).line == LINE


def test_a_chain_of_a_hundred_thousand_nodes_is_followed() -> None:
    count = 100_000
    chain = {
        f"c{place}": node(
            "LoraLoaderModelOnly",
            model=[f"c{place + 1}", 0] if place + 1 < count else ["4", 0],
            lora_name="None",
            strength_model=1.0,
        )
        for place in range(count)
    }
    found = comfy.read(json.dumps(graph(n3=sampler(model=["c0", 0])) | chain))
    assert found.line == LINE


def test_outputs_without_end_are_counted() -> None:
    outputs = {f"o{place}": node("PreviewImage", images=["8", 0]) for place in range(1000)}
    found = comfy.read(json.dumps(outputs | graph()))
    assert found.line == LINE
    assert lost(found, "more pictures of the graph")
    assert len(found.lost) < 20


def test_texts_that_double_at_each_node_end() -> None:
    doubled = {
        f"d{place}": node(
            "StringConcatenate",
            string_a=[f"d{place + 1}", 0] if place < 60 else "ab",
            string_b=[f"d{place + 1}", 0] if place < 60 else "cd",
            delimiter="",
        )
        for place in range(61)
    }
    encode = node("CLIPTextEncode", text=["d0", 0], clip=["4", 1])
    assert lost(comfy.read(json.dumps(graph(n6=encode) | doubled)), "characters")


def workflow(**changes: Any) -> dict[str, Any]:
    """Return the usual graph as the interface saves it, with a reroute and a primitive."""
    nodes = [
        ui(3, "KSampler", [3, "randomize", 20, 7.5, "dpmpp_2m", "karras", 1],
           model=1, positive=3, negative=4, latent_image=5),
        ui(4, "CheckpointLoaderSimple", ["sd.safetensors"]),
        ui(5, "EmptyLatentImage", [512, 768, 1]),
        ui(6, "CLIPTextEncode", ["a red fox"], clip=2),
        ui(7, "CLIPTextEncode", ["old"], clip=2, text=9),
        ui(8, "VAEDecode", [], samples=6, vae=7),
        ui(9, "SaveImage", ["ComfyUI"], images=8),
        ui(10, "PrimitiveNode", ["blurry", "fixed"]),
        ui(11, "Reroute", [], value=10),
    ]  # fmt: skip
    links = [
        *([1, 4, 0, 3, 0, "MODEL"], [2, 4, 1, 6, 0, "CLIP"], [3, 6, 0, 3, 1, "CONDITIONING"]),
        *([4, 7, 0, 3, 2, "CONDITIONING"], [5, 5, 0, 3, 3, "LATENT"], [6, 11, 0, 8, 0, "LATENT"]),
        *([7, 4, 2, 8, 1, "VAE"], [8, 8, 0, 9, 0, "IMAGE"], [9, 10, 0, 7, 1, "STRING"]),
        [10, 3, 0, 11, 0, "LATENT"],
    ]
    return {"nodes": nodes, "links": links, "version": 0.4, **changes}


def ui(number: int, kind: str, values: list[Any], mode: int = 0, **links: int) -> dict[str, Any]:
    inputs = [{"name": name, "type": "*", "link": link} for name, link in links.items()]
    return {"id": number, "type": kind, "mode": mode, "inputs": inputs, "widgets_values": values}


def test_a_workflow_of_the_interface_is_read_by_the_order_of_its_widgets() -> None:
    found = comfy.read_workflow(json.dumps(workflow()))
    assert found.line == LINE
    assert lost(found, "interface")


def test_bypassed_nodes_of_a_workflow_are_followed_and_muted_ones_are_not() -> None:
    content = workflow()
    content["nodes"] += [
        ui(12, "LoraLoaderModelOnly", ["ink.safetensors", 1], 4, model=11),
        ui(13, "SaveImage", ["x"], 2, images=8),
    ]
    content["nodes"][-2]["outputs"] = [{"name": "MODEL", "type": "*"}]
    content["links"][0] = [1, 12, 0, 3, 0, "MODEL"]
    content["links"].append([11, 4, 0, 12, 0, "MODEL"])
    assert comfy.read_workflow(json.dumps(content)).line == LINE


def test_subgraphs_and_stored_values_of_a_workflow_are_followed() -> None:
    content = workflow()
    nodes = {each["id"]: each for each in content["nodes"]}
    inner = {
        "id": "abc",
        "nodes": [nodes.pop(6) | {"inputs": [{"name": "clip", "type": "CLIP", "link": 50}]}],
        "links": [
            {"id": 50, "origin_id": -10, "origin_slot": 0, "target_id": 6, "target_slot": 0},
            {"id": 51, "origin_id": 6, "origin_slot": 0, "target_id": -20, "target_slot": 0},
        ],
    }
    nodes[12] = ui(12, "abc", [], clip=2)
    nodes[13] = ui(13, "SetNode", ["sampled"], value=10)
    nodes[14] = ui(14, "GetNode", ["sampled"])
    links = [each for each in content["links"] if each[0] not in (3, 6)]
    links += [[3, 12, 0, 3, 1, "CONDITIONING"], [6, 14, 0, 8, 0, "LATENT"]]
    content |= {
        "nodes": list(nodes.values()),
        "links": links,
        "definitions": {"subgraphs": [inner]},
    }
    assert comfy.read_workflow(json.dumps(content)).line == LINE


def test_what_is_sent_everywhere_in_a_workflow_arrives() -> None:
    content = workflow()
    nodes = {each["id"]: each for each in content["nodes"]}
    for number, kind in ((3, "MODEL"), (6, "CLIP"), (7, "CLIP")):
        nodes[number]["inputs"][0] |= {"type": kind, "link": None}
    sender = ui(20, "Anything Everywhere3", [], anything=1, anything2=2)
    sender["inputs"][0]["type"], sender["inputs"][1]["type"] = "MODEL", "CLIP"
    content["nodes"].append(sender)
    content["links"][:2] = [[1, 4, 0, 20, 0, "MODEL"], [2, 4, 1, 20, 1, "CLIP"]]
    found = comfy.read_workflow(json.dumps(content))
    assert found.line == LINE
    assert lost(found, "use model", "sd.safetensors")


def test_values_of_unknown_widgets_are_named() -> None:
    content = workflow()
    content["nodes"][3] |= {"type": "NoveltyEncode", "widgets_values": ["a hidden crow", 3]}
    assert lost(comfy.read_workflow(json.dumps(content)), "NoveltyEncode", "a hidden crow")


def test_numbers_that_are_texts_are_read_as_the_server_reads_them() -> None:
    found = read(graph(n3=sampler(seed="9007199254740993", steps=" 21", cfg="6.5")))
    assert "--seed 9007199254740993 --steps 21 --cfg 6.5" in found.line


def test_three_quotation_marks_in_a_negative_prompt_are_named() -> None:
    found = read(graph(n7=node("CLIPTextEncode", text='bad """text""" "x"', clip=["4", 1])))
    assert lost(found, "three quotation marks")


def test_a_lora_of_a_quantised_model_is_a_tag() -> None:
    lora = node(
        "NunchakuFluxLoraLoader", model=["4", 0], lora_name="ink.safetensors", lora_strength=0.7
    )
    found = read(graph(n10=lora, n3=sampler(model=["10", 0])))
    assert "<lora:ink:0.7>" in found.line or "<lora:ink:0:0.7>" in found.line
