using Medix.Imaging;
using Medix.Runs;

namespace Medix.Data.Phantoms;

/// <summary>A contact sheet: a row per modality, a column per example, with tag, question and answer below each picture.</summary>
public static class PhantomSheet
{
    private const int Margin = 6, Lines = 4, LineHeight = 10, LetterAdvance = 6;

    /// <summary>
    /// Writes the sheet as a new PNG file, which appears whole or not at all. <paramref name="perModality"/> is 1 to 12; pictures below 256 pixels are shown enlarged
    /// by a whole factor. Throws <see cref="MedixException"/> where the options cannot be used or the file is there already.
    /// </summary>
    public static void Write(string path, ulong seed, int perModality, PhantomOptions options)
    {
        AtomicFile.RequireNew(path);
        AtomicFile.WriteAllBytes(path, PngEncoding.Encode(Compose(seed, perModality, options)));
    }

    /// <summary>The sheet's picture; see <see cref="Write"/>.</summary>
    public static RgbImage Compose(ulong seed, int perModality, PhantomOptions options)
    {
        options.Validate();
        if (perModality is < 1 or > 12 || options.Size > 256)
        {
            throw new MedixException(
                $"A contact sheet of {perModality} examples per modality at {options.Size} pixels is too large: use 1 to 12 examples and at most 256 pixels.");
        }

        int scale = Math.Max(1, 256 / options.Size), side = options.Size * scale;
        int cellWidth = side + Margin, cellHeight = side + Margin + (Lines * LineHeight);
        RgbImage sheet = Blank((perModality * cellWidth) + Margin, (options.Tags.Count * cellHeight) + Margin);
        for (int row = 0; row < options.Tags.Count; row++)
        {
            PhantomOptions one = options with { Modalities = [options.Tags[row]] };
            for (int column = 0; column < perModality; column++)
            {
                PhantomExample example = PhantomGenerator.Create(Seed.Derive(seed, (ulong)row), column, one);
                int left = Margin + (column * cellWidth), top = Margin + (row * cellHeight);
                Copy(example.Image, sheet, left, top, scale);
                Caption(sheet, left, top + side + 3, side / LetterAdvance, example);
            }
        }

        return sheet;
    }

    private static RgbImage Blank(int width, int height)
    {
        byte[] pixels = new byte[width * height * 3];
        Array.Fill(pixels, (byte)250);
        return new RgbImage(width, height, pixels);
    }

    private static void Copy(RgbImage picture, RgbImage sheet, int left, int top, int scale)
    {
        for (int y = 0; y < picture.Height * scale; y++)
        {
            for (int x = 0; x < picture.Width * scale; x++)
            {
                picture.Pixels.AsSpan(((y / scale * picture.Width) + (x / scale)) * 3, 3)
                    .CopyTo(sheet.Pixels.AsSpan((((top + y) * sheet.Width) + left + x) * 3, 3));
            }
        }
    }

    private static void Caption(RgbImage sheet, int left, int top, int letters, PhantomExample example)
    {
        string question = example.Question;
        int cut = question.Length <= letters ? question.Length : Math.Max(1, question.LastIndexOf(' ', letters));
        ReadOnlySpan<string> lines = [example.Modality, question[..cut], question[cut..].Trim(), "- " + example.Answer];
        for (int line = 0; line < lines.Length; line++)
        {
            string text = lines[line].Length <= letters ? lines[line] : lines[line][..letters];
            for (int i = 0; i < text.Length; i++)
            {
                Letter(sheet, text[i], left + (i * LetterAdvance), top + (line * LineHeight));
            }
        }
    }

    private static void Letter(RgbImage sheet, char letter, int left, int top)
    {
        for (int row = 0; row < BitmapFont.Height; row++)
        {
            for (int column = 0; column < BitmapFont.Width; column++)
            {
                if (BitmapFont.IsSet(letter, column, row))
                {
                    sheet.Pixels.AsSpan((((top + row) * sheet.Width) + left + column) * 3, 3).Fill(20);
                }
            }
        }
    }
}
