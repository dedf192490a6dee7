// Presses the button of the page that hands an answer to an application.
document.getElementById("handover").submit();
