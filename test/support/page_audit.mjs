/* global document, getComputedStyle, NodeFilter */

/**
 * What is wrong with a page as it is shown, in sentences: text that is cut off or leaves the window, labels over each other, text of too little
 * contrast, and what keyboards and screen readers need. Boxes that scroll by themselves may be wider inside, if the keyboard reaches them.
 * It runs in the page, and so uses nothing from outside.
 */
export function audit() {
  const found = [];
  const shown = (text) => JSON.stringify((text ?? '').trim().slice(0, 50));
  const width = document.documentElement.clientWidth;
  for (const details of document.querySelectorAll('details')) details.open = true;
  if (document.documentElement.scrollWidth > width)
    found.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`);

  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('.hidden, svg, .stack thead') || element.clientWidth === 0) continue;
    if (element.scrollWidth <= element.clientWidth + 1) continue;
    if (!scrolls(element)) found.push(`<${element.tagName}> is cut off or overflows: ${shown(element.textContent)}`);
    else if (element.tabIndex < 0)
      found.push(`the keyboard does not reach what scrolls: ${shown(element.textContent)}`);
  }

  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const parsed = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = parsed(color).map((value) => channel(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (parsed(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!element || element.closest('.hidden, .stack thead') || node.textContent?.trim() === '') continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rect = range.getBoundingClientRect();
    if (rect.width === 0) continue;
    const inSvg = element.closest('svg');
    if (rect.left < -1 || (rect.right > width + 1 && !element.closest('.scroll, pre')))
      found.push(`text leaves the window at ${Math.round(rect.right)} of ${width}: ${shown(node.textContent)}`);
    if (inSvg) {
      const box = inSvg.getBoundingClientRect();
      if (
        rect.left < box.left - 1 ||
        rect.right > box.right + 1 ||
        rect.top < box.top - 1 ||
        rect.bottom > box.bottom + 1
      )
        found.push(`a label leaves its drawing: ${shown(node.textContent)}`);
    }
    const style = getComputedStyle(element);
    const ratio = contrast(inSvg ? style.fill : style.color, groundOf(element));
    if (!(ratio >= 4.5)) found.push(`contrast ${ratio.toFixed(2)} of ${shown(node.textContent)}`);
  }

  for (const svg of document.querySelectorAll('svg')) {
    const labels = [...svg.querySelectorAll('text')].map((text) => ({
      text: text.textContent,
      box: text.getBoundingClientRect(),
    }));
    labels.forEach(({ text, box }, index) => {
      for (const other of labels.slice(index + 1)) {
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const along = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > 1 && along > 1) found.push(`labels over each other: ${shown(text)} and ${shown(other.text)}`);
      }
    });
  }
  for (const bar of document.querySelectorAll('.bar')) {
    const [track, value] = [...bar.children].map((child) => child.getBoundingClientRect());
    const heading = bar.closest('tr').querySelector('th').getBoundingClientRect();
    const beside = value.left >= track.right - 1 || value.top >= track.bottom - 1;
    if (!beside || heading.right > track.left + 1)
      found.push(`a bar lies over its label or number: ${shown(bar.closest('tr').textContent)}`);
  }

  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  if (new Set(ids).size < ids.length) found.push('an id is there twice');
  if (document.querySelectorAll('h1').length !== 1 || document.documentElement.lang === '')
    found.push('a page needs one h1 and a language');
  for (const part of document.querySelectorAll('section'))
    if (!document.getElementById(part.getAttribute('aria-labelledby') ?? '')) found.push('a section has no name');
  for (const drawing of document.querySelectorAll('svg'))
    if (!drawing.closest('[role=img][aria-label], [aria-hidden=true]')) found.push('a drawing has no words');
  for (const table of document.querySelectorAll('table')) {
    if (!table.caption?.textContent) found.push('a table has no caption');
    if (!table.tHead || [...table.querySelectorAll('th')].some((cell) => cell.scope === ''))
      found.push(`a table lacks headings: ${shown(table.caption?.textContent ?? '')}`);
  }
  return found;
}
