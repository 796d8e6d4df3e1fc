"""Which networks tell synthetic frames, textures and regions?"""
