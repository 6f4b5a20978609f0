from benchmarks.decoders import best_decoder_ms
from benchmarks.files import File, thumbnails


def test_the_best_decoder_reads_both_formats_and_takes_a_while() -> None:
    png, jpeg = thumbnails(2)
    for file in (png, jpeg):
        assert isinstance(file, File)
        assert 0 < best_decoder_ms(file.data) < 1000
