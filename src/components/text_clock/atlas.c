/* Build-time program: draws the printable ASCII of a monospaced font as a C array, so that the
 * component needs no font and no library. Usage: atlas FONT.ttf > glyphs.h */
#include <stdio.h>
#include <stdlib.h>

#include <ft2build.h>
#include FT_FREETYPE_H

enum { PIXELS = 64, FIRST = 32, LAST = 126 };

struct cell {
    int width, height, baseline;
};

static void print_glyph(FT_Face face, const struct cell *cell)
{
    const FT_GlyphSlot glyph = face->glyph;

    for (int y = 0; y < cell->height; y++)
        for (int x = 0; x < cell->width; x++) {
            int column = x - glyph->bitmap_left, row = y - (cell->baseline - glyph->bitmap_top);
            int value = 0;

            if (column >= 0 && row >= 0 && column < (int)glyph->bitmap.width &&
                row < (int)glyph->bitmap.rows)
                value = glyph->bitmap.buffer[row * glyph->bitmap.pitch + column];
            printf("%d,%s", value, x == cell->width - 1 ? "\n" : "");
        }
}

int main(int argc, char **argv)
{
    FT_Library library;
    FT_Face face;
    struct cell cell;

    if (argc != 2) {
        fprintf(stderr, "usage: atlas FONT.ttf > glyphs.h\n");
        return 2;
    }
    if (FT_Init_FreeType(&library) != 0 || FT_New_Face(library, argv[1], 0, &face) != 0 ||
        FT_Set_Pixel_Sizes(face, 0, PIXELS) != 0 || !FT_IS_FIXED_WIDTH(face)) {
        fprintf(stderr, "atlas: %s is no monospaced font that freetype can draw\n", argv[1]);
        return 1;
    }
    cell.width = (int)((face->size->metrics.max_advance + 63) / 64);
    cell.height = (int)((face->size->metrics.ascender - face->size->metrics.descender + 63) / 64);
    cell.baseline = (int)((face->size->metrics.ascender + 63) / 64);

    printf("/* Made by atlas.c. */\n");
    printf("enum { ATLAS_PIXELS = %d, ATLAS_FIRST = %d, ATLAS_COUNT = %d, ATLAS_WIDTH = %d, "
           "ATLAS_HEIGHT = %d };\n",
           PIXELS, FIRST, LAST - FIRST + 1, cell.width, cell.height);
    printf("static const uint8_t atlas[ATLAS_COUNT][ATLAS_HEIGHT * ATLAS_WIDTH] = {\n");
    for (int character = FIRST; character <= LAST; character++) {
        if (FT_Load_Char(face, (FT_ULong)character, FT_LOAD_RENDER) != 0) {
            fprintf(stderr, "atlas: %s cannot draw character %d\n", argv[1], character);
            return 1;
        }
        printf("{");
        print_glyph(face, &cell);
        printf("},\n");
    }
    printf("};\n");
    FT_Done_Face(face);
    FT_Done_FreeType(library);
    return 0;
}
