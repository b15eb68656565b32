// Starts the deck, and makes the letters of a slide smaller until it fits. Pictures are measured in letters too.
const LARGEST = 28, SMALLEST = 12;

function fit(slide) {
  for (let size = LARGEST; size >= SMALLEST; size -= 1) {
    slide.style.fontSize = size + 'px';
    if (slide.scrollHeight <= slide.clientHeight && slide.scrollWidth <= slide.clientWidth) break;
  }
}

Reveal.initialize({
  width: 1280, height: 720, margin: 0.03, center: false, hash: true, slideNumber: 'c/t', transition: 'none',
  plugins: [RevealNotes]
});
Reveal.on('slidechanged', event => fit(event.currentSlide));
Reveal.on('pdf-ready', () => Reveal.getSlides().forEach(fit));
Promise.all([new Promise(ready => Reveal.on('ready', ready)), MathJax.startup.promise]).then(() => {
  fit(Reveal.getCurrentSlide());
  document.body.dataset.ready = 'yes';
});
