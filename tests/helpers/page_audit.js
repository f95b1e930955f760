// Run inside a page: returns what is wrong with it, one line each. Folded parts are unfolded first, so that they count.
async () => {
  const faults = [];
  document.querySelectorAll("details").forEach((one) => (one.open = true));
  const name = (one) => `<${one.tagName.toLowerCase()}> "${(one.textContent || one.id || "").trim().slice(0, 40)}"`;

  if (!document.documentElement.lang) faults.push("no language is given");
  if (!document.title.trim()) faults.push("there is no title");

  const images = [...document.images];
  images.forEach((one) => (one.loading = "eager"));
  await Promise.all(images.map((one) => one.complete || new Promise((done) => (one.onload = one.onerror = done))));
  for (const one of images) {
    const source = one.getAttribute("src").slice(0, 60);
    if (!one.naturalWidth) faults.push(`image ${source} cannot be shown`);
    if (!(one.getAttribute("alt") || "").trim()) faults.push(`image ${source} has no alternative text`);
  }

  const levels = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((one) => [Number(one.tagName[1]), one]);
  const firsts = levels.filter(([level]) => level === 1).length;
  if (firsts !== 1) faults.push(`there are ${firsts} headings of level 1`);
  levels.reduce((above, [level, one]) => {
    if (level > above + 1) faults.push(`heading ${name(one)} skips a level`);
    return level;
  }, 0);

  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids.filter((one, index) => ids.indexOf(one) !== index))) faults.push(`id ${id} stands twice`);

  for (const one of document.querySelectorAll("input,select,textarea,button,a[href],summary")) {
    const words = one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent || one.querySelector("img")?.alt;
    if (!(words || "").trim()) faults.push(`${name(one)} has no name`);
  }

  // Contrast by WCAG 2: relative luminance of the text over whatever colours lie below it.
  const numbers = (colour) => {
    const found = colour.match(/[\d.]+/g).map(Number);
    return [...found.slice(0, 3), found.length > 3 ? found[3] : 1];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const background = (one) => {
    const layers = [];
    for (let up = one; up; up = up.parentElement) layers.unshift(numbers(getComputedStyle(up).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) && (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(one) || !one.checkVisibility() || one.closest("svg")) continue;
    seen.add(one);
    const style = getComputedStyle(one);
    const below = background(one);
    const [light, dark] = [luminance(over(numbers(style.color), below)), luminance(below)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < least) faults.push(`contrast of ${name(one)} is ${ratio.toFixed(2)}, below ${least}`);
  }
  return faults;
}
