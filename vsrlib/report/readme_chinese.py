"""The words of the Chinese README's table, as data; `readme` puts them round the figures of claims.json."""

CLAIMS = {
    "C1": "在权重相同的情况下，由于数值精度，Jittor 的 PSNR 高 1.195 dB，SSIM 高 0.0430。",
    "C2": "Jittor 的前向计算速度是 PyTorch 的 6.6 倍。",
    "C3": "Jittor 每帧的总时间少 4 %。",
    "C4": "图像输出占总时间的 95 % 以上，计算不到 10 %。",
    "C5": "训练时 PyTorch 需要 8 GB，Jittor 需要 6 GB（少四分之一）；推理时两者都约为 2 GB。",
    "C6": "两个框架的模型文件都是 72 MB。",
    "C7": "Jittor 不需要编译器，装好即用；PyTorch 的相关层需要 CUDA 编译器。",
    "C8": "纯张量实现的相关层多花约 20 % 的时间，除此之外没有任何影响。",
    "C9": "两个实现除 API 名称外等价，训练结果也相同。",
    "C10": "就质量、速度和内存而言，应选 Jittor。",
}

VERDICTS = {
    "confirmed": "成立",
    "refuted": "不成立",
    "artefact": "测量方法造成的假象",
    "unsupported": "缺乏依据",
    "not testable here": "此处无法检验",
}

UNITS = {
    "dB": "dB",
    "MiB": "MiB",
    "times PyTorch's speed": "倍（与 PyTorch 的速度之比）",
    "% of the time": "%（占总时间）",
    "% more time per frame": "%（每帧多花的时间）",
    "times PyTorch's process memory, small training": "倍（与 PyTorch 的进程内存之比，小规模训练）",
    "times PyTorch's process memory in training": "倍（训练时与 PyTorch 的进程内存之比）",
    "times PyTorch's GPU memory in training": "倍（训练时与 PyTorch 的显存之比）",
    "files compiled by Jittor": "个由 Jittor 编译的文件",
}

USES = {
    "quality": "质量",
    "speed of restoration, here": "在本机上的复原速度",
    "a machine without a compiler": "没有编译器的机器",
    "little disk space": "磁盘空间小",
}

CHOICES = {"PyTorch": "PyTorch", "Jittor": "Jittor", "either": "两者皆可"}

HEADER = ["", "先前报告的结论", "判定", "本次测得"]
LESS = ("less than", "小于")
OPENING = "**结论。** 先前报告的说法，以及实际情况：\n"
ANSWER = "- {claim}**{verdict}**；本次测得：{figure}。"
MEASURED = "测量对象：`{profile}`，提交 {commit}。判定的规则与理由见 [figures/claims.md](../figures/claims.md)。"
CHOOSE = "选用哪个框架（理由见 [figures/claims.md](../figures/claims.md)）："
USE = "- {use}：**{choose}**"
